import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import type { Server } from "node:http";
import { join } from "node:path";
import type { AgentRun } from "../agents/agent.ts";
import { exposeOnLoopback } from "../agents/gateway/expose-on-loopback.ts";
import type { Config } from "../config/config.ts";
import type { Reach } from "../config/sandbox-settings.ts";
import type { Preparation } from "../core/task/task.ts";
import type { Job, SetupBox } from "../executor/job.ts";
import { type Denial, makeDenialList } from "../sandbox/box/find-denials.ts";
import { limitDenial, runConfined } from "../sandbox/box/run-confined.ts";
import type {
  ConfinedResult,
  Confinement,
  Forward,
  Network,
  Sandbox,
} from "../sandbox/box/sandbox.ts";
import { spawnConfined } from "../sandbox/box/spawn-confined.ts";
import { removeTree } from "../sandbox/files/remove-tree.ts";
import { makeTempFolder } from "../sandbox/files/temp.ts";
import { type EgressProxy, openEgressProxy } from "../sandbox/network/egress-proxy.ts";
import type { ProcessIdentity } from "../sandbox/process/process-identity.ts";
import type { CommandSpec } from "../sandbox/process/run-command.ts";
import type { PipedProcess } from "../sandbox/process/spawn-piped.ts";
import type { CheckSandbox } from "../verifier/place/confine-checks.ts";
import { homeOfWorktree } from "../worktree/checkout/worktree-home.ts";

/**
 * The box that the commands of one run share: writable and readable paths, its own home and /tmp,
 * network access, denials. Without a sandbox the same calls run as the daemon's user, and say so.
 */
export type Box = Pick<AgentRun, "spawnPiped" | "expose" | "confined"> & {
  /** Its denials include the hosts that were refused while it ran. */
  runCommand(spec: CommandSpec): Promise<ConfinedResult>;
  /** The denials of its commands so far, each once. */
  denials(): Denial[];
  close(): Promise<void>;
};

/** This process, and how it keeps track of the child processes that it starts. */
export type Self = {
  processId: string;
  trackChild: (what: string) => (identity: ProcessIdentity) => void;
};

export type BoxOptions = {
  config: Pick<Config, "sandbox">;
  sandbox: Sandbox;
  /** A folder of the run's own, for its home and /tmp. */
  scratch: string;
  /** Folder for its sockets; default: `scratch`. */
  sockets?: string;
  /** The home of its commands; default: one in `scratch`. */
  home?: string;
  writable: readonly string[];
  /** The worktree among them; see `Confinement.tree`. */
  tree?: string;
  startsInside?: boolean;
  /** Where a program keeps its state; default: nowhere. */
  state?: readonly string[];
  readOnly: readonly string[];
  reach: Reach;
  /** Maximum lifetime of an interactive program: the run's time. Commands have their own. */
  timeoutMs: number;
  /** Default: each command's own callback. */
  onProcess?: (identity: ProcessIdentity) => void;
};

/** Ports inside the box; nothing else listens there. */
const firstPort = 41_000;
/** A run that times out ends by itself first, with a better reason. */
const spareMs = 30_000;

export async function openBox(options: BoxOptions): Promise<Box> {
  const { config, onProcess, reach, sandbox } = options;
  const started = onProcess && { onStarted: onProcess };
  const confined = sandbox.provider !== "none";
  const sockets = options.sockets ?? options.scratch;
  const all = makeDenialList();
  const running = new Set([all]);
  const note = (denial: Denial) => {
    for (const list of running) list.add(denial);
  };
  const scratch = join(options.scratch, "box");
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  const home = options.home ?? join(scratch, "home");
  if (confined) await prepareHome(home, config.sandbox.npmrc);
  const forwards: Forward[] = [];
  const servers: Server[] = [];
  const programs = new Set<PipedProcess>();
  let wayOut: Promise<{ proxy: EgressProxy; port: number }> | null = null;

  const forward = (socketPath: string): number => {
    const port = firstPort + forwards.length;
    forwards.push({ port, socketPath });
    return port;
  };

  const openWayOut = async (allow: readonly string[]) => {
    const proxy = await openEgressProxy({
      socketPath: socketIn(sockets),
      allow,
      onRefused: ({ host, port, reason }) =>
        note({ what: "network", detail: `${host}:${port}: ${reason}`, known: "enforced" }),
      mayReach: config.sandbox.mayReach,
    });
    return { proxy, port: forward(proxy.socketPath) };
  };

  // Opened by the first command, for all of them: most runs of a model have no network access.
  const findNetwork = async (): Promise<Network> => {
    if (reach === "open") return { kind: "open" };
    if (confined && reach.length > 0) wayOut ??= openWayOut(reach);
    const proxyPort = (await wayOut)?.port ?? null;
    return forwards.length === 0 ? { kind: "none" } : { kind: "gateway", forwards, proxyPort };
  };

  const confinement = async (): Promise<Confinement> => ({
    writable: options.writable,
    state: options.state ?? [],
    readOnly: options.readOnly.map((path) => ({ path })),
    scratch,
    home,
    ...(options.tree !== undefined && { tree: options.tree }),
    startsInside: options.startsInside ?? false,
    network: await findNetwork(),
    limits: config.sandbox.limits,
  });

  return {
    confined,
    runCommand: async (spec) => {
      const own = makeDenialList();
      running.add(own);
      try {
        const place = await confinement();
        const result = await runConfined(sandbox, { ...spec, ...started }, place);
        for (const denial of result.denials) all.add(denial);
        return { ...result, denials: [...own.list(), ...result.denials] };
      } finally {
        running.delete(own);
      }
    },
    spawnPiped: async (spec) => {
      const program = await spawnConfined(
        sandbox,
        { ...spec, ...started, timeoutMs: options.timeoutMs + spareMs },
        await confinement(),
        (hit) => note(limitDenial(hit)),
      );
      programs.add(program);
      void program.ended.then(() => programs.delete(program));
      return program;
    },
    expose: async (server) => {
      if (!confined || reach === "open") return exposeOnLoopback(server);
      const socketPath = socketIn(sockets);
      server.listen(socketPath);
      await once(server, "listening");
      servers.push(server);
      return forward(socketPath);
    },
    denials: all.list,
    close: async () => {
      await Promise.all([...programs].map((program) => program.stop()));
      await (await wayOut)?.proxy.close();
      for (const server of servers) server.close();
    },
  };
}

/** Makes the home, with the registries of scopes. A file that is there, or a link, stays as it is. */
async function prepareHome(home: string, npmrc: string): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  if (npmrc === "") return;
  await writeFile(join(home, ".npmrc"), npmrc, { flag: "wx" }).catch((error) => {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  });
}

/** Short: socket paths have little room. */
function socketIn(folder: string): string {
  return join(folder, `${randomUUID().slice(0, 8)}.sock`);
}

/** The box for the setup commands of a worktree, which leave what they install there and in its home. */
export async function openSetupBox(
  deps: { config: Config; sandbox: Sandbox; self: Self },
  { mirror, subtask, task }: Job,
  worktree: string,
): Promise<SetupBox> {
  const { config, self, sandbox } = deps;
  const scratch = await makeTempFolder("run", config.paths.scratch);
  const box = await openBox({
    config,
    sandbox,
    scratch,
    home: homeOfWorktree(worktree),
    writable: [worktree],
    tree: worktree,
    readOnly: [mirror.gitDir],
    reach: config.sandbox.setupReach(task.repository, task.preparation?.registries ?? []),
    timeoutMs: 0, // no interactive program
    onProcess: self.trackChild(`setup of ${subtask.id}`),
  });
  const { provider, problem } = sandbox;
  return {
    runCommand: box.runCommand,
    confinement: () => ({
      ...{ provider, problem },
      denials: box.denials().map((denial) => ({ ...denial, by: "setup" as const })),
    }),
    close: async () => {
      await box.close();
      await removeTree(scratch);
    },
  };
}

/**
 * The boxes of a verification's commands: one for setup and one for the checks, with the same home
 * and /tmp but each with its own network access, for as long as their clean worktree exists.
 */
export function makeCheckSandbox(
  {
    config,
    sandbox,
  }: {
    config: Pick<Config, "sandbox"> & { paths: Pick<Config["paths"], "scratch"> };
    sandbox: Sandbox;
  },
  about: { repository: string; preparation: Pick<Preparation, "registries"> | null },
): Omit<CheckSandbox, "onDenials"> {
  const { preparation, repository } = about;
  const forSetup = config.sandbox.setupReach(repository, preparation?.registries ?? []);
  const forChecks = config.sandbox.networks(repository).check;
  return {
    traits: [sandbox.provider, forSetup, forChecks],
    // Where each command sees its own worktree alone, and sees it at the same path.
    keepsSetup: sandbox.provider === "bubblewrap",
    apart: sandbox.provider !== "none" && forChecks !== "open" && forChecks.length === 0,
    openBoxes: async ({ mirror, reports, scratch, startsInside = false, worktree }) => {
      // Beside the worktree, paths would be too long for sockets.
      const sockets = await makeTempFolder("run", config.paths.scratch);
      const home = join(scratch, "home");
      const open = (reach: Reach) =>
        openBox({
          ...{ config, sandbox, scratch, sockets, reach, timeoutMs: 0 },
          ...{ writable: [worktree, reports], readOnly: [mirror.gitDir] },
          ...{ home, tree: worktree, startsInside },
        });
      const [setup, check] = await Promise.all([open(forSetup), open(forChecks)]);
      return {
        setup: setup.runCommand,
        check: check.runCommand,
        home: sandbox.provider === "none" ? null : home,
        close: async () => {
          await Promise.all([setup.close(), check.close()]);
          await rm(sockets, { recursive: true, force: true });
        },
      };
    },
  };
}
