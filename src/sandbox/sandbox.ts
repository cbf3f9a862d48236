import type { Denial } from "./find-denials.ts";
import { type CommandResult, type CommandSpec, runCommand } from "./run-command.ts";

/**
 * What stands between a command of an agent or of a check and the machine. A provider turns what
 * should run into what runs it confined; `runConfined` starts that and says why it was stopped.
 * Where there is no provider commands run as the daemon's user, and `problem` says so everywhere
 * that a person looks.
 */
export type Sandbox = {
  provider: "bubblewrap" | "sandbox-runtime" | "none";
  /** A clause for people: why there is no sandbox, or what this one cannot do. Null: all is well. */
  problem: string | null;
  /** Secrets that are absent inside: a command that misses one has looked for it. */
  hidden: readonly string[];
  /** Starts what is confined: here, or by a spawner. */
  runCommand: CommandRunner;
  /** Throws a DeputyError for a confinement that would not confine, or a folder that is not there. */
  confine(spec: CommandSpec, confinement: Confinement): Promise<Confined>;
  /**
   * What runs a program of our own where it sees the system, the tools on its PATH and these folders,
   * and nothing else: so a link that an agent puts in its way at any moment leads it nowhere that the
   * agent could not go. No network, no limits. Without a sandbox: the program as it is.
   */
  limitView(argv: readonly string[], view: View): Promise<readonly string[]>;
};

/** Runs one command; see `runCommand`. */
export type CommandRunner = (spec: CommandSpec) => Promise<CommandResult>;

export type View = {
  cwd: string;
  /** Only to find its tools; the program gets the environment that it is started with. */
  env: Readonly<Record<string, string>>;
  /** Folders of ours, at the paths they have outside; one inside another may have other rights. */
  readOnly: readonly string[];
  writable: readonly string[];
};

/** What a command may touch. Everything else of the machine is absent for it, or read-only. */
export type Confinement = {
  /** Folders it may change, at the paths they have outside; a `.git` in their root stays read-only. */
  writable: readonly string[];
  /**
   * Folders of the program's own that it may change, too, whatever is in them. Nothing in one is ever
   * named to the system: it may be a link by then.
   */
  state: readonly string[];
  /** Files and folders beside the system and the tools that it may read: a mirror, a login. */
  readOnly: readonly Bound[];
  /**
   * A folder whose `home` and `tmp` become its home and its /tmp, so that they last from one command
   * of an attempt to the next. It is not shown itself: who could rename them could have the next command
   * be given another folder. Null: both are memory and gone with the command.
   */
  scratch: string | null;
  network: Network;
  limits: Limits;
};

/** `at` is where it is seen inside, when not at its own path. */
export type Bound = { path: string; at?: string };

export type Network =
  | { kind: "none" }
  /** The machine's own network, with all that listens on its loopback. */
  | { kind: "open" }
  /**
   * Nothing but these: each unix socket of the daemon answers at 127.0.0.1:port inside.
   * `proxyPort` names the one that is a proxy, which the usual variables then point to.
   */
  | { kind: "gateway"; forwards: readonly Forward[]; proxyPort: number | null };

export type Forward = { port: number; socketPath: string };

export type Limits = {
  /**
   * Of one process, held by the kernel; of all together held by it where control groups can be made,
   * and looked at every half second.
   */
  memoryMb: number;
  /** Processes and threads at once; who has more is killed, and the kernel allows few more. */
  processes: number;
  /** The size of one file. */
  fileMb: number;
  /** By how much its folders may make the disk fuller. */
  diskMb: number;
  /** Of each folder that is memory: /tmp and the home without a scratch folder, /dev/shm. */
  tmpMb: number;
};

export const defaultLimits: Limits = {
  memoryMb: 8_192,
  processes: 2_048,
  fileMb: 4_096,
  diskMb: 16_384,
  tmpMb: 1_024,
};

export type Confined = {
  spec: CommandSpec;
  /** Whether the kernel holds the number of processes; else it is looked at often. */
  holdsProcesses: boolean;
  /** Whether the kernel holds the memory of all together; else it is looked at. */
  holdsMemory: boolean;
  /** Whether the kernel killed something inside for the memory of all together. */
  ranOut(): boolean;
  /** A process inside whose /proc shows those inside and no others; null when there is none (yet). */
  findInside(leaderPid: number): Inside | null;
  /** Corrects what the sandbox's own programs say about the end. */
  readResult(result: CommandResult): CommandResult;
  /** After the end, whatever it was. */
  tidy(): Promise<void>;
};

export type Inside = {
  /** SIGKILL to it ends everything inside. Null: kill the leader's group. */
  initPid: number | null;
  pids(): number[];
  /** The folder whose PID/statm and PID/stat tell of these pids. */
  proc: string;
};

export type LimitHit = { limit: "processes" | "memory" | "disk" | "time"; detail: string };

export type ConfinedResult = CommandResult & {
  /** The limit for which it was killed; `error` says it in words, too. */
  limit: LimitHit | null;
  /** What it tried and was refused, as far as that can be known. */
  denials: Denial[];
};

export function noSandbox(problem: string | null): Sandbox {
  return {
    provider: "none",
    problem,
    hidden: [],
    runCommand,
    limitView: async (argv) => argv,
    confine: async (spec) => ({
      spec,
      holdsProcesses: false,
      holdsMemory: false,
      ranOut: () => false,
      findInside: () => null,
      readResult: (result) => result,
      tidy: async () => {},
    }),
  };
}

/** For `doctor`, the start and receipts: whether commands are confined, and what follows if not. */
export function describeSandbox({ provider, problem }: Sandbox, allowTriggers = false): string {
  if (provider === "none") {
    const triggers = allowTriggers ? "" : "; tasks from triggers are refused";
    return `none: ${problem ?? "none was asked for"}. Agents and checks run as the daemon's user and can read what that user can${triggers}`;
  }
  return problem === null ? provider : `${provider}: ${problem}`;
}

/** Why a task that nobody at this machine asked for is not accepted; null when it may come. */
export function refuseUnattended({ provider, problem }: Sandbox): string | null {
  if (provider !== "none") return null;
  return `Tasks from triggers need a sandbox, and there is none: ${problem ?? "it is switched off"}. Run \`deputy doctor\`, or submit the task yourself.`;
}
