import { randomUUID } from "node:crypto";
import { readdirSync, realpathSync } from "node:fs";
import { lstat, mkdir, readdir, rm, rmdir, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import { withFolder } from "../files/open-folder.ts";
import { removeTree } from "../files/remove-tree.ts";
import { makeTempFolder } from "../files/temp.ts";
import { limitArgs } from "../limits/limit-args.ts";
import { forwarderPath } from "../network/forwarder-path.ts";
import { proxyVariables } from "../network/proxy-variables.ts";
import { findProgram } from "../process/find-program.ts";
import { type CommandSpec, runCommand } from "../process/run-command.ts";
import { type BubblewrapOptions, openBubblewrap } from "./bubblewrap.ts";
import { enterBox, findKeyringJoin, quietPerl } from "./enter-box.ts";
import { makeIsShown } from "./find-hidden.ts";
import { descendantsOf } from "./find-inside.ts";
import { type Guard, makeGuard } from "./guard-paths.ts";
import { readBwrapResult } from "./read-bwrap-result.ts";
import { type Confined, type Confinement, defaultLimits, type Sandbox } from "./sandbox.ts";
import { findTools } from "./toolchains.ts";

/**
 * The second provider: the user's own `srt` of @anthropic-ai/sandbox-runtime, one process per
 * command, each with its own settings file. It shows the machine and hides parts, so everything at
 * the root outside the system is hidden and needed paths are shown again. It starts in a few
 * hundred milliseconds, cannot give access to the machine's network as it is, and leaves commands
 * of root every capability, so it is not used as root. Its leftovers in worktrees are removed.
 */
type Parts = {
  cli: string;
  packageRoot: string;
  prlimit: string;
  joinKeyring: string[];
  stateDir: string;
  guard: Guard;
  show: readonly string[];
};

const needed = ["bwrap", "socat", "rg", "prlimit"];
const system = /^(?:usr|bin|sbin|lib\w*|etc|proc|dev|sys|nix)$/;
const hiddenInEtc = ["/etc/shadow", "/etc/gshadow", "/etc/ssl/private", "/etc/sudoers"];

export async function openSandboxRuntime(options: BubblewrapOptions): Promise<Sandbox | string> {
  const srt = findProgram("srt");
  if (srt === null) {
    return "sandbox-runtime is not installed (npm install -g @anthropic-ai/sandbox-runtime)";
  }
  if (process.getuid?.() === 0) {
    return "sandbox-runtime leaves commands of root every capability; run the daemon as an ordinary user, or install bubblewrap";
  }
  const missing = needed.filter((program) => findProgram(program) === null);
  const prlimit = findProgram("prlimit");
  if (prlimit === null || missing.length > 0) {
    return `sandbox-runtime needs ${missing.join(", ")}, which is not installed`;
  }
  const cli = realpathSync(srt);
  await mkdir(options.stateDir, { recursive: true, mode: 0o700 });
  const parts: Parts = {
    ...{ cli, packageRoot: dirname(dirname(cli)), prlimit, stateDir: options.stateDir },
    joinKeyring: findKeyringJoin(),
    guard: await makeGuard(options.secrets),
    show: options.show ?? [],
  };
  const own = await openBubblewrap(options);
  const weaker = [
    "commands start slowly in it, and it cannot give one the machine's whole network",
    ...(typeof own === "string" ? [`git reads worktrees outside of it (${own})`] : []),
  ];
  const sandbox: Sandbox = {
    runCommand,
    provider: "sandbox-runtime",
    problem: weaker.join("; "),
    hidden: options.secrets,
    confine: (spec, confinement) => confine(parts, spec, confinement),
    // srt takes a third of a second per command; our own git uses our own bwrap command line.
    limitView: typeof own === "string" ? async (argv) => argv : own.limitView,
    makeIsShown: async (env) => {
      const { paths } = await findTools(env, systemFolders, parts.guard, parts.show);
      return makeIsShown([...systemFolders, ...paths]);
    },
  };
  const folder = await makeTempFolder("try", options.stateDir);
  try {
    const { spec, tidy } = await sandbox.confine(
      { argv: ["true"], cwd: folder, env: { PATH: process.env.PATH ?? "" }, timeoutMs: 30_000 },
      {
        ...{ writable: [folder], state: [], readOnly: [], scratch: null },
        ...{ network: { kind: "none" }, limits: defaultLimits },
      },
    );
    const result = await runCommand(spec).finally(tidy);
    if (result.exitCode === 0) return sandbox;
    const words = (result.error ?? result.output).trim().slice(0, 300);
    return `sandbox-runtime does not work here (${words || `exit ${result.exitCode}`})`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const systemFolders = ["/usr", "/etc", "/bin", "/lib"];

async function confine(
  parts: Parts,
  spec: CommandSpec,
  confinement: Confinement,
): Promise<Confined> {
  const { guard, stateDir } = parts;
  const { network, limits, scratch } = confinement;
  if (network.kind === "open") {
    throw new DeputyError(
      "invalid_input",
      "sandbox-runtime cannot give a command the machine's whole network; give it an allow-list, or install bubblewrap.",
    );
  }
  const moved = confinement.readOnly.find(({ path, at }) => at !== undefined && at !== path);
  if (moved) {
    throw new DeputyError(
      "invalid_input",
      `sandbox-runtime cannot show ${moved.path} at another place.`,
    );
  }
  const own = await makeTempFolder("srt", stateDir);
  const home = confinement.home ?? join(scratch ?? own, "home");
  await mkdir(home, { recursive: true, mode: 0o700 });
  const worktrees = await Promise.all(
    confinement.writable.map((path) => guard.admit(path, "writable")),
  );
  const writable = [
    ...worktrees,
    ...(await Promise.all(
      [...confinement.state, home].map((path) => guard.admit(path, "writable")),
    )),
  ];
  const readable = await Promise.all(
    confinement.readOnly.map(({ path }) => guard.admit(path, "readable")),
  );
  for (const folder of writable) await removeLeftovers(folder);
  const tools = await findTools(spec.env, systemFolders, guard, parts.show);
  const forwards = network.kind === "gateway" ? network.forwards : [];
  const settings = join(own, `settings-${randomUUID()}.json`);
  const config = {
    network: {
      ...{ allowedDomains: [], deniedDomains: [] },
      // On Linux a single socket cannot be allowed; hidden ones cannot be named.
      ...(forwards.length > 0 ? { allowAllUnixSockets: true } : {}),
    },
    filesystem: {
      denyRead: [
        ...readdirSync("/")
          .filter((name) => !system.test(name))
          .map((name) => `/${name}`),
        ...hiddenInEtc,
      ],
      allowRead: [
        ...writable,
        ...readable,
        ...tools.paths,
        ...[parts.packageRoot, process.execPath],
        ...(forwards.length > 0 ? [forwarderPath()] : []),
        ...forwards.map(({ socketPath }) => socketPath),
      ],
      allowWrite: writable,
      denyWrite: worktrees.map((folder) => join(folder, ".git")),
    },
  };
  await writeFile(settings, JSON.stringify(config), { mode: 0o600 });
  const forwarder =
    forwards.length > 0
      ? [
          ...[process.execPath, forwarderPath()],
          ...forwards.map(({ port, socketPath }) => `${port}=${socketPath}`),
          "--",
        ]
      : [];
  const proxyPort = network.kind === "gateway" ? network.proxyPort : null;
  // Inside, because srt sets the usual ones to a proxy of its own, which lets nothing out.
  const proxies = Object.entries(proxyPort === null ? {} : proxyVariables(proxyPort));
  const told = ["env", ...proxies.map(([name, value]) => `${name}=${value}`)];
  const limited = [parts.prlimit, ...limitArgs(limits), "--", ...told, ...forwarder, ...spec.argv];
  const argv = enterBox({ doors: [], filter: null, joinKeyring: parts.joinKeyring }, [
    process.execPath,
    ...[parts.cli, "-s", settings, "--"],
    ...limited,
  ]);
  const env = { ...spec.env, ...tools.env, ...quietPerl, HOME: home, TMPDIR: "/tmp" };
  return {
    spec: { ...spec, argv, env },
    holdsProcesses: true,
    holdsMemory: false,
    ranOut: () => false,
    findInside: (leaderPid) => ({
      initPid: null,
      proc: "/proc",
      pids: () => descendantsOf(leaderPid),
    }),
    readResult: (result) => readBwrapResult(spec, result),
    tidy: async () => {
      for (const folder of writable) await removeLeftovers(folder);
      await removeTree(own);
    },
  };
}

/** Mount points that srt creates in writable folders, and leaves there when it is killed. */
const leftFiles = new Set([
  ...[".bashrc", ".bash_profile", ".profile", ".zshrc", ".zprofile", ".gitconfig", ".gitmodules"],
  ...[".mcp.json", ".ripgreprc", ".vscode", ".idea"],
]);

/** Removes empty, read-only files of these names: no tool and not git creates such files. */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const stats = leftFiles.has(name) ? await lstat(path) : null;
    if (stats?.isFile() && stats.size === 0 && (stats.mode & 0o222) === 0) await unlink(path);
  }
  const removeEmpty = async (path: string, name: string) =>
    withFolder(folder, path, (inside) => rmdir(inside.at(name))).catch(() => {}); // missing, in use
  for (const name of ["commands", "agents"]) await removeEmpty(".claude", name);
  await removeEmpty("", ".claude");
}
