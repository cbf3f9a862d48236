import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { join } from "node:path";
import type { AgentRun } from "./agents/agent.ts";
import { exposeOnLoopback } from "./agents/gateway/expose-on-loopback.ts";
import type { Config } from "./config.ts";
import { newId } from "./core/id.ts";
import type { Job, SetupBox } from "./executor/job.ts";
import type { Life } from "./life.ts";
import { type EgressProxy, openEgressProxy, type Refusal } from "./sandbox/egress-proxy.ts";
import type { Denial } from "./sandbox/find-denials.ts";
import type { ProcessIdentity } from "./sandbox/process-identity.ts";
import { runConfined } from "./sandbox/run-confined.ts";
import type { Confinement, Forward, Network, Sandbox } from "./sandbox/sandbox.ts";
import { spawnPiped } from "./sandbox/spawn-piped.ts";
import type { Reach } from "./sandbox-settings.ts";

/**
 * The box that the commands of one run share: what it may write and read, its own home and /tmp, the
 * way out that it has, and what it tried in vain. Without a sandbox the same calls run as the
 * daemon's user, and say so.
 */
export type Box = Pick<AgentRun, "runCommand" | "spawnPiped" | "expose" | "confined"> & {
  /** What its commands were refused so far, each once. */
  denials(): Denial[];
  close(): Promise<void>;
};

export type BoxOptions = {
  config: Config;
  sandbox: Sandbox;
  /** A folder of the run's own, for its home, /tmp and sockets. */
  scratch: string;
  writable: readonly string[];
  readOnly: readonly string[];
  reach: Reach;
  onProcess: (identity: ProcessIdentity) => void;
};

/** Ports inside; nothing else listens there. */
const firstPort = 41_000;
const maxDenials = 50;

export async function openBox(options: BoxOptions): Promise<Box> {
  const { config, onProcess, reach, sandbox } = options;
  const confined = sandbox.provider !== "none";
  const denials = new Map<string, Denial>();
  const note = (denial: Denial) => {
    if (denials.size < maxDenials) denials.set(`${denial.what} ${denial.detail}`, denial);
  };
  const scratch = join(options.scratch, "box");
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  const forwards: Forward[] = [];
  const servers: Server[] = [];
  let wayOut: Promise<{ proxy: EgressProxy; port: number }> | null = null;

  const forward = (socketPath: string): number => {
    const port = firstPort + forwards.length;
    forwards.push({ port, socketPath });
    return port;
  };

  const openWayOut = async (allow: readonly string[]) => {
    const proxy = await openEgressProxy({
      socketPath: socketIn(options.scratch),
      allow,
      onRefused: ({ host, port, reason }) =>
        note({ what: "network", detail: `${host}:${port}: ${reason}`, known: "enforced" }),
      mayReach: config.sandbox.mayReach,
    });
    return { proxy, port: forward(proxy.socketPath) };
  };

  // Opened by the first command, for all of them: most runs of a model have no way out at all.
  const findNetwork = async (): Promise<Network> => {
    if (reach === "open") return { kind: "open" };
    if (confined && reach.length > 0) wayOut ??= openWayOut(reach);
    const proxyPort = (await wayOut)?.port ?? null;
    return forwards.length === 0 ? { kind: "none" } : { kind: "gateway", forwards, proxyPort };
  };

  const confinement = async (): Promise<Confinement> => ({
    writable: options.writable,
    readOnly: options.readOnly.map((path) => ({ path })),
    scratch,
    network: await findNetwork(),
    limits: config.sandbox.limits,
  });

  return {
    confined,
    runCommand: async (spec) => {
      const result = await runConfined(
        sandbox,
        { ...spec, onStarted: onProcess },
        await confinement(),
      );
      for (const denial of result.denials) note(denial);
      return result;
    },
    spawnPiped: async (spec) => {
      const { spec: inside, tidy } = await sandbox.confine(
        { ...spec, timeoutMs: Number.POSITIVE_INFINITY },
        await confinement(),
      );
      const piped = await spawnPiped({ ...inside, onStarted: onProcess });
      void piped.ended.then(tidy);
      return piped;
    },
    expose: async (server) => {
      if (!confined || reach === "open") return exposeOnLoopback(server);
      const socketPath = socketIn(options.scratch);
      server.listen(socketPath);
      await once(server, "listening");
      servers.push(server);
      return forward(socketPath);
    },
    denials: () => [...denials.values()],
    close: async () => {
      await (await wayOut)?.proxy.close();
      for (const server of servers) server.close();
    },
  };
}

/** Short: a socket's path has little room. */
function socketIn(folder: string): string {
  return join(folder, `${randomUUID().slice(0, 8)}.sock`);
}

/** The same for the setup commands of a worktree, which leave nothing but what they install there. */
export async function openSetupBox(
  deps: { config: Config; sandbox: Sandbox; life: Life },
  { mirror, subtask, task }: Job,
  worktree: string,
): Promise<SetupBox> {
  const { config, life, sandbox } = deps;
  const scratch = join(config.paths.scratch, newId("run"));
  const box = await openBox({
    config,
    sandbox,
    scratch,
    writable: [worktree],
    readOnly: [mirror.gitDir],
    reach: config.sandbox.networks(task.repository).setup,
    onProcess: life.trackProcess(`setup of ${subtask.id}`),
  });
  const { provider, problem } = sandbox;
  return {
    runCommand: box.runCommand,
    confinement: () => ({ provider, problem, denials: box.denials() }),
    close: async () => {
      await box.close();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

/**
 * The networks of checks and of the setup before them: one proxy for each list of hosts, for as long
 * as the daemon runs, because a clean worktree is made for every commit that is judged.
 */
export async function openCheckNetworks(
  config: Config,
  onRefused: (refusal: Refusal) => void,
): Promise<{
  of(repository: string): { setup: Network; check: Network };
  close(): Promise<void>;
}> {
  const folder = config.paths.sandbox;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const proxies = new Map<string, EgressProxy>();
  for (const networks of config.sandbox.all()) {
    for (const reach of [networks.setup, networks.check]) {
      const key = JSON.stringify(reach);
      if (reach === "open" || reach.length === 0 || proxies.has(key)) continue;
      const proxy = await openEgressProxy({
        socketPath: socketIn(folder),
        allow: reach,
        onRefused,
        mayReach: config.sandbox.mayReach,
      });
      proxies.set(key, proxy);
    }
  }
  const networkOf = (reach: Reach): Network => {
    if (reach === "open") return { kind: "open" };
    const proxy = proxies.get(JSON.stringify(reach));
    if (!proxy) return { kind: "none" };
    const forwards = [{ port: firstPort, socketPath: proxy.socketPath }];
    return { kind: "gateway", forwards, proxyPort: firstPort };
  };
  return {
    of: (repository) => {
      const { check, setup } = config.sandbox.networks(repository);
      return { setup: networkOf(setup), check: networkOf(check) };
    },
    close: async () => {
      await Promise.all([...proxies.values()].map((proxy) => proxy.close()));
    },
  };
}
