import { lstat, mkdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import { findControlGroups } from "../limits/control-group.ts";
import { limitArgs, spareProcesses } from "../limits/limit-args.ts";
import { forwarderPath } from "../network/forwarder-path.ts";
import { isProxyVariable, proxyVariables } from "../network/proxy-variables.ts";
import { findProgram } from "../process/find-program.ts";
import { type CommandSpec, runCommand } from "../process/run-command.ts";
import { enterBox, filterFd, findKeyringJoin, steersPrograms } from "./enter-box.ts";
import { makeIsShown } from "./find-hidden.ts";
import { findInside, findInsideGroup } from "./find-inside.ts";
import { type Guard, isWithin, makeGuard } from "./guard-paths.ts";
import { readBwrapResult } from "./read-bwrap-result.ts";
import {
  type Bound,
  type Confined,
  type Confinement,
  defaultLimits,
  type Network,
  type Sandbox,
  treeInside,
  type View,
} from "./sandbox.ts";
import { makeSystemRoot, type SandboxUser } from "./system-root.ts";
import { findTools, type Tools, toolVariables } from "./toolchains.ts";

/**
 * Runs each command with its own bwrap. It gets new namespaces for users, processes, IPC, host name
 * and, unless the network is open, the network; no capability; and an in-memory root with /usr, our
 * own /etc, the tools and the confinement's paths, each at its own path, and read-only otherwise.
 * The home, the daemon's home and other worktrees are absent, not hidden. bwrap gets the command's
 * environment instead of the daemon's, which /proc/1/environ would show inside. It dies with the
 * daemon, and everything inside dies with it.
 *
 * Nothing is mounted below a folder that a command may write, except the `.git` that we made: bwrap
 * would follow a link that the command put there, and create mount points outside.
 */
export type BubblewrapOptions = {
  /** A folder of ours for the few files that the sandbox needs. */
  stateDir: string;
  /** Paths that no command may see, whole or in part, besides the logins in the home. */
  secrets: readonly string[];
  /** Files and folders that a person wants every command to see, as they see tools. */
  show?: readonly string[];
};

type Parts = {
  bwrap: string;
  prlimit: string;
  filter: string | null;
  joinKeyring: string[];
  namespaces: string[];
  rootArgs: string[];
  system: string[];
  user: SandboxUser;
  guard: Guard;
  groups: ReturnType<typeof findControlGroups>;
  tools: (env: Readonly<Record<string, string>>) => Promise<Tools>;
};

const insideHome = "/home/deputy";
const insideRun = "/run/deputy";

/** Opens the sandbox and tries a command in it. Returns a string with the reason if that fails. */
export async function openBubblewrap(options: BubblewrapOptions): Promise<Sandbox | string> {
  const bwrap = findProgram("bwrap");
  if (bwrap === null) return "bubblewrap is not installed (apt-get install bubblewrap)";
  const prlimit = findProgram("prlimit");
  if (prlimit === null) return "prlimit is not installed (it is part of util-linux)";
  const ownUid = process.getuid?.() ?? 0;
  // As root inside, tools would try to chown and fail.
  const user = {
    uid: ownUid === 0 ? 1_000 : ownUid,
    gid: ownUid === 0 ? 1_000 : (process.getgid?.() ?? 1_000),
    home: insideHome,
  };
  const [guard, root] = await Promise.all([
    makeGuard(options.secrets),
    makeSystemRoot(options.stateDir, user),
  ]);
  const known = new Map<string, Promise<Tools>>();
  const parts: Parts = {
    ...{ bwrap, prlimit, user, guard, namespaces: [], rootArgs: root.args, system: root.shown },
    ...{ filter: root.filter, joinKeyring: findKeyringJoin() },
    groups: findControlGroups(),
    tools: (env) => {
      const key = JSON.stringify(toolVariables.map((name) => env[name]));
      const found = known.get(key) ?? findTools(env, root.shown, guard, options.show);
      known.set(key, found);
      return found;
    },
  };
  const sandbox: Sandbox = {
    runCommand,
    provider: "bubblewrap",
    problem: null,
    hidden: options.secrets,
    confine: (spec, confinement) => confine(parts, spec, confinement),
    limitView: (argv, view) => limitView(parts, argv, view),
    makeIsShown: async (env) => makeIsShown([...root.shown, ...(await parts.tools(env)).paths]),
  };
  const weaker: string[] = [];
  // Leave out what this system does not support, and report it; the rest still holds.
  let forbidden = ["--disable-userns"];
  for (;;) {
    parts.namespaces = namespacesOf(user, forbidden);
    const problem = await tryOut(sandbox);
    if (problem === null) break;
    if (parts.filter !== null && /seccomp/i.test(problem)) parts.filter = null;
    else if (forbidden.length > 0) forbidden = [];
    else return problem;
  }
  if (forbidden.length === 0) {
    weaker.push("bubblewrap is older than 0.8, so commands may make user namespaces of their own");
  }
  if (parts.filter === null) {
    weaker.push(
      "no filter of system calls can be set here (it needs seccomp, and an x86-64 or arm64 processor), so commands reach the kernel's keyrings, its log and vsock",
    );
  }
  const { paths } = await parts.tools({});
  for (const path of options.show ?? []) {
    if (!makeIsShown([...root.shown, ...paths])(path))
      weaker.push(
        `sandbox.show names ${path}, which no command sees: it does not exist, it is the home, or a secret is in or around it`,
      );
  }
  if (ownUid === 0 && parts.groups === null) {
    weaker.push("for root without writable control groups a fork bomb is only killed, not held");
  }
  return { ...sandbox, problem: weaker.length > 0 ? weaker.join("; ") : null };
}

function namespacesOf({ uid, gid }: SandboxUser, more: string[]): string[] {
  const own = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", ...more];
  const ids = ["--uid", String(uid), "--gid", String(gid), "--hostname", "deputy"];
  return [...own, ...ids, "--cap-drop", "ALL", "--die-with-parent", "--new-session"];
}

/** Runs a real command with every namespace; returns the problem, or null. */
async function tryOut(sandbox: Sandbox): Promise<string | null> {
  const { spec, tidy } = await sandbox.confine(
    { argv: ["true"], cwd: "/", env: { PATH: "/usr/bin:/bin" }, timeoutMs: 10_000 },
    {
      ...{ writable: [], state: [], readOnly: [], scratch: null },
      ...{ network: { kind: "none" }, limits: defaultLimits },
    },
  );
  const result = await runCommand(spec);
  await tidy();
  if (result.exitCode === 0) return null;
  const words = result.error ?? (result.output.trim().slice(0, 300) || `exit ${result.exitCode}`);
  return `bubblewrap cannot make a sandbox here (${words}); user namespaces may be forbidden by the system or the container`;
}

async function confine(parts: Parts, spec: CommandSpec, confinement: Confinement) {
  const { network, limits, scratch } = confinement;
  const home = confinement.home ?? (scratch === null ? null : join(scratch, "home"));
  const folders = [...confinement.writable, ...confinement.state];
  const tools = await parts.tools(leaveOut(spec.env, folders));
  const shown = await listShown(parts, confinement, tools);
  const { env, args: envArgs } = buildEnvironment(spec.env, tools.env, network);
  const size = String(limits.tmpMb * 1024 * 1024);
  const memory = (at: string) => ["--size", size, "--tmpfs", at];
  const forwarder = network.kind === "gateway" ? forwarderArgs(network) : null;
  const args = [
    ...parts.namespaces,
    ...(parts.filter === null ? [] : ["--seccomp", String(filterFd)]),
    ...(network.kind === "open" ? [] : ["--unshare-net"]),
    ...parts.rootArgs,
    ...memory("/dev/shm"),
    ...["--symlink", "/tmp", "/var/tmp"],
    ...(await placeFor(parts, scratch && join(scratch, "tmp"), "/tmp", shown, memory)),
    ...(await placeFor(parts, home, insideHome, shown, memory)),
    ...shown.flatMap(({ flag, path, at }) => [flag, path, at]),
    ...showNode(parts),
    ...(forwarder?.binds ?? []),
    ...["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", startOf(spec, confinement)],
    ...envArgs,
    "--",
    ...[parts.prlimit, ...limitArgs(limits), "--"],
    ...(forwarder?.argv ?? []),
    ...spec.argv,
  ];
  const { memoryMb, processes } = limits;
  const group = parts.groups?.make({ memoryMb, processes: processes + spareProcesses });
  const { bwrap, filter, joinKeyring } = parts;
  return {
    holdsProcesses: group !== undefined || process.getuid?.() !== 0,
    holdsMemory: parts.groups?.holdMemory ?? false,
    ranOut: () => group?.ranOut() ?? false,
    spec: {
      ...spec,
      argv: enterBox({ doors: group?.doors ?? [], filter, joinKeyring }, [bwrap, ...args]),
      env,
      contained: { findGroup: findInsideGroup },
    },
    findInside,
    readResult: (result) => readBwrapResult(spec, result),
    tidy: async () => group?.release(),
  } satisfies Confined;
}

async function limitView(
  parts: Parts,
  argv: readonly string[],
  { cwd, env, readOnly, writable }: View,
): Promise<string[]> {
  const tools = await parts.tools(env);
  const shown = [
    ...[...tools.paths, ...readOnly].map((path) => ({ flag: "--ro-bind", path })),
    ...writable.map((path) => ({ flag: "--bind", path })),
  ];
  // Outer folders first, so that no mount hides another.
  shown.sort((a, b) => a.path.length - b.path.length);
  return [
    ...[parts.bwrap, ...parts.namespaces, "--unshare-net", ...parts.rootArgs, "--tmpfs", "/tmp"],
    ...shown.flatMap(({ flag, path }) => [flag, path, path]),
    ...["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", cwd, "--", ...argv],
  ];
}

/**
 * Returns the tool variables without entries in the command's own folders. Those are visible inside
 * anyway, and a link that an agent put there must not decide what else is shown.
 */
function leaveOut(
  env: Readonly<Record<string, string>>,
  folders: readonly string[],
): Record<string, string> {
  const isOutside = (path: string) => !folders.some((folder) => isWithin(path, folder));
  return Object.fromEntries(
    toolVariables.flatMap((name) => {
      const kept = env[name]?.split(delimiter).filter(isOutside).join(delimiter);
      return kept ? [[name, kept]] : [];
    }),
  );
}

function startOf({ cwd }: CommandSpec, { startsInside, tree }: Confinement): string {
  return startsInside && cwd === tree ? treeInside(cwd) : cwd;
}

type Shown = { flag: "--bind" | "--ro-bind"; path: string; at: string; writable: boolean };

/** The mounts besides the system, outer folders first, so that no mount hides another. */
async function listShown(
  { guard }: Parts,
  { readOnly, state, tree, writable }: Confinement,
  tools: Tools,
): Promise<Shown[]> {
  const folders = [...writable, ...state];
  const named = [...folders, ...readOnly.map(({ path }) => path)];
  const shown: Shown[] = tools.paths
    // A PATH may lead into the worktree, which is mounted as itself.
    .filter((path) => !named.some((folder) => isWithin(path, folder) || isWithin(folder, path)))
    .map((path) => readable({ path }, path));
  for (const bound of readOnly) {
    shown.push(readable(bound, await guard.admit(bound.path, "readable")));
  }
  for (const at of folders) {
    const path = await guard.admit(at, "writable");
    shown.push({ flag: "--bind", path, at, writable: true });
  }
  shown.sort((a, b) => a.at.length - b.at.length);
  for (const { at } of shown) {
    const around = shown.find(
      (other) => other.writable && other.at !== at && isWithin(at, other.at),
    );
    if (!around) continue;
    throw new DeputyError(
      "invalid_input",
      `${at} cannot be shown to a command that may write ${around.at} around it.`,
    );
  }
  for (const at of writable) {
    const git = join(at, ".git");
    const stats = await lstat(git).catch(() => null); // missing: nothing to protect
    if (stats?.isSymbolicLink()) {
      throw new DeputyError("invalid_input", `${git} is a link; no command is run beside it.`);
    }
    if (stats) shown.push({ flag: "--ro-bind", path: git, at: git, writable: false });
  }
  return tree === undefined ? shown : [...shown, ...showAgain(shown, tree)];
}

/** What is shown at a folder and in it, at the second path of a worktree. */
function showAgain(shown: readonly Shown[], tree: string): Shown[] {
  return shown
    .filter(({ at }) => isWithin(at, tree))
    .map((one) => ({ ...one, at: `${treeInside(tree)}${one.at.slice(tree.length)}` }));
}

function readable({ path, at }: Bound, real: string): Shown {
  return { flag: "--ro-bind", path: real, at: at ?? path, writable: false };
}

/** Memory, or a folder of the attempt; memory if something else is mounted in it. */
async function placeFor(
  { guard }: Parts,
  folder: string | null,
  at: string,
  shown: readonly Shown[],
  memory: (at: string) => string[],
): Promise<string[]> {
  if (folder === null || shown.some((other) => isWithin(other.at, at))) return memory(at);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return ["--bind", await guard.admit(folder, "writable"), at];
}

/** Variables for the user's own paths, which do not exist inside or are not shared. */
const dropped = /^(?:CARGO_HOME|GOPATH|TMPDIR|XDG_.*)$/;

function buildEnvironment(
  outer: Readonly<Record<string, string>>,
  toolsEnv: Readonly<Record<string, string>>,
  network: Network,
): { env: Record<string, string>; args: string[] } {
  const env: Record<string, string> = {};
  const args: string[] = [];
  for (const [name, value] of Object.entries(outer)) {
    if (dropped.test(name) || (network.kind !== "open" && isProxyVariable(name))) continue;
    if (steersPrograms.test(name)) args.push("--setenv", name, value);
    else env[name] = value;
  }
  Object.assign(env, toolsEnv);
  Object.assign(env, { HOME: insideHome, TMPDIR: "/tmp", USER: "deputy", LOGNAME: "deputy" });
  // The system's folder is read-only. Its gems are still found, as they are not with a BUNDLE_PATH.
  env.GEM_HOME = join(insideHome, ".gem");
  if (network.kind === "gateway" && network.proxyPort !== null) {
    Object.assign(env, proxyVariables(network.proxyPort));
  }
  return { env, args };
}

/** The daemon's own Node, for programs of ours inside: they forward ports, and run services. */
function showNode({ system }: Parts): string[] {
  const node = process.execPath;
  return system.some((folder) => isWithin(node, folder)) ? [] : ["--ro-bind", node, node];
}

/** Node runs the command and the ports that forward to our sockets. */
function forwarderArgs({ forwards }: Extract<Network, { kind: "gateway" }>): {
  binds: string[];
  argv: string[];
} {
  const script = `${insideRun}/forward.mjs`;
  const socket = (index: number) => `${insideRun}/${index}.sock`;
  return {
    binds: [
      ...["--ro-bind", forwarderPath(), script],
      ...forwards.flatMap(({ socketPath }, index) => ["--bind", socketPath, socket(index)]),
    ],
    argv: [
      ...[process.execPath, script],
      ...forwards.map(({ port }, index) => `${port}=${socket(index)}`),
      "--",
    ],
  };
}
