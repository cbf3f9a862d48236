import { type CommandResult, type CommandSpec, runCommand } from "../process/run-command.ts";
import type { Denial } from "./find-denials.ts";

/**
 * Stands between the machine and a command of an agent or a check. A provider turns a command into
 * one that runs confined; `runConfined` starts that and reports why it was stopped. Without a
 * provider commands run as the daemon's user, and `problem` says so wherever a person looks.
 */
export type Sandbox = {
  provider: "bubblewrap" | "sandbox-runtime" | "none";
  /** A clause for people: why there is no sandbox, or what this one cannot do. Null: no problem. */
  problem: string | null;
  /** Secrets that are absent inside: an error about one shows that the command looked for it. */
  hidden: readonly string[];
  /** Starts a confined command: in this process, or in a spawner. */
  runCommand: CommandRunner;
  /** Throws a DeputyError if the confinement would not confine, or a folder does not exist. */
  confine(spec: CommandSpec, confinement: Confinement): Promise<Confined>;
  /**
   * Returns the command line that runs a program of ours where it sees only the system, the tools
   * on its PATH and these folders. So a link that an agent creates at any moment cannot lead it
   * anywhere the agent could not go. No network, no limits. Without a sandbox: the program as it
   * is.
   */
  limitView(argv: readonly string[], view: View): Promise<readonly string[]>;
  /** Whether a command with these variables sees a path of the system, of the tools or of `show`. */
  makeIsShown(env: Readonly<Record<string, string>>): Promise<(realPath: string) => boolean>;
};

/** Runs one command; see `runCommand`. */
export type CommandRunner = (spec: CommandSpec) => Promise<CommandResult>;

export type View = {
  cwd: string;
  /** Only for finding its tools; the caller sets the program's environment when starting it. */
  env: Readonly<Record<string, string>>;
  /** Folders of ours, at their outside paths; a nested one may have other rights. */
  readOnly: readonly string[];
  writable: readonly string[];
};

/** The part of the machine that a command may touch; the rest is absent or read-only. */
export type Confinement = {
  /** Folders it may change, at their outside paths; a `.git` in their root stays read-only. */
  writable: readonly string[];
  /**
   * The program's own folders, which it may change too, with any content. Nothing inside one is
   * ever passed to the system as a path: it may be a link by then.
   */
  state: readonly string[];
  /** Files and folders that it may read besides the system and the tools: a mirror, a login. */
  readOnly: readonly Bound[];
  /**
   * A folder whose `home` and `tmp` become its home and its /tmp, so that they persist between the
   * commands of an attempt. It is not shown itself: a command that could rename them could give the
   * next command another folder. Null: both are in memory and end with the command.
   */
  scratch: string | null;
  /** A folder that is the home in place of the scratch folder's; not shown itself either. */
  home?: string;
  /**
   * One of `writable` that is also shown at `treeInside(tree)`. What installed itself there in another
   * box, with that path in its files, works here.
   */
  tree?: string;
  /** Commands whose folder is `tree` start at its second path. */
  startsInside?: boolean;
  network: Network;
  limits: Limits;
};

/**
 * The path inside at which a box shows its worktree a second time: the same for all worktrees of a
 * daemon, and as deep as they are, so that a relative path out of one (Yarn writes one to its cache in
 * the home) leads to the same place from both.
 */
export function treeInside(tree: string): string {
  const depth = tree.split("/").filter(Boolean).length;
  return `/deputy${"/up".repeat(Math.max(0, depth - 2))}/worktree`;
}

/** `at` is its path inside, if different. */
export type Bound = { path: string; at?: string };

export type Network =
  | { kind: "none" }
  /** The machine's own network, including everything that listens on its loopback interface. */
  | { kind: "open" }
  /**
   * Only these: each unix socket of the daemon answers at 127.0.0.1:port inside. `proxyPort` is the
   * one that is a proxy, for the usual variables.
   */
  | { kind: "gateway"; forwards: readonly Forward[]; proxyPort: number | null };

export type Forward = { port: number; socketPath: string };

export type Limits = {
  /**
   * For one process, enforced by the kernel. For all together, enforced by the kernel if control
   * groups can be created, else checked every half second.
   */
  memoryMb: number;
  /** Maximum processes and threads at once; more are killed, and the kernel allows few more. */
  processes: number;
  /** The size of one file. */
  fileMb: number;
  /** How much its folders may grow on disk. */
  diskMb: number;
  /** For each folder in memory: /tmp and the home without a scratch folder, /dev/shm. */
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
  /** Whether the kernel enforces the number of processes; else it is checked often. */
  holdsProcesses: boolean;
  /** Whether the kernel enforces the memory of all together; else it is checked. */
  holdsMemory: boolean;
  /** Whether the kernel killed a process inside for the memory of all together. */
  ranOut(): boolean;
  /** Finds the processes inside; null if there are none (yet). */
  findInside(leaderPid: number): Inside | null;
  /** Corrects how the sandbox's own programs report the end. */
  readResult(result: CommandResult): CommandResult;
  /** Call after the end, whatever it was. */
  tidy(): Promise<void>;
};

export type Inside = {
  /** SIGKILL to it ends everything inside. Null: kill the leader's group. */
  initPid: number | null;
  pids(): number[];
  /** The folder with PID/statm and PID/stat for these pids. */
  proc: string;
};

export type LimitHit = { limit: "processes" | "memory" | "disk" | "time"; detail: string };

export type ConfinedResult = CommandResult & {
  /** The limit for which it was killed; `error` says so too. */
  limit: LimitHit | null;
  /** Refused actions, as far as known. */
  denials: Denial[];
};

export function noSandbox(problem: string | null): Sandbox {
  return {
    provider: "none",
    problem,
    hidden: [],
    runCommand,
    limitView: async (argv) => argv,
    makeIsShown: async () => () => true,
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

/** For `doctor`, startup and receipts: whether commands are confined, else the consequence. */
export function describeSandbox({ provider, problem }: Sandbox, allowTriggers = false): string {
  if (provider === "none") {
    const triggers = allowTriggers ? "" : "; tasks from triggers are refused";
    return `none: ${problem ?? "none was asked for"}. Agents and checks run as the daemon's user and can read what that user can${triggers}`;
  }
  return problem === null ? provider : `${provider}: ${problem}`;
}

/** Why a task without a local requester is refused; null if it is accepted. */
export function refuseUnattended({ provider, problem }: Sandbox): string | null {
  if (provider !== "none") return null;
  return `Tasks from triggers need a sandbox, and there is none: ${problem ?? "it is switched off"}. Run \`deputy doctor\`, or submit the task yourself.`;
}
