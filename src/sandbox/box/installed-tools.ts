import { existsSync, readdirSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import {
  chooseVersion,
  type WantedTool,
  type WantedTools,
} from "../../core/settings/wanted-tool.ts";
import { findProgram } from "../process/find-program.ts";
import { runProgram } from "../process/run-program.ts";

/**
 * Finds the versions of tools that the base commit asks for among those that the user's version
 * managers have installed, by their folders alone: no manager is started, so nothing of a worktree is
 * run or trusted, and an attempt that changes such a file changes nothing.
 */
type Environment = Readonly<Record<string, string>>;

/** Folders that hold one folder for each version, and where programs are in it. */
function placesOf(name: string, env: Environment): { folder: string; bins: string[] }[] {
  const home = env.HOME ?? "/nonexistent";
  const root = (variable: string, folder: string) => env[variable] ?? join(home, folder);
  const ofMise = name
    .replace(/([a-z0-9])(?=[A-Z])/g, "$1-")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");
  const ofAsdf = name === "node" ? "nodejs" : name === "go" ? "golang" : ofMise;
  const all = [
    ["*", root("MISE_DATA_DIR", ".local/share/mise"), `installs/${ofMise}`, "bin", "."],
    ["*", root("ASDF_DATA_DIR", ".asdf"), `installs/${ofAsdf}`, "bin", "go/bin"],
    ["node", root("NVM_DIR", ".nvm"), "versions/node", "bin"],
    ["node", root("FNM_DIR", ".local/share/fnm"), "node-versions", "installation/bin"],
    ["node", root("VOLTA_HOME", ".volta"), "tools/image/node", "bin"],
    ["python", root("PYENV_ROOT", ".pyenv"), "versions", "bin"],
    ["python", join(home, ".local/share/uv"), "python", "bin"],
    ["ruby", root("RBENV_ROOT", ".rbenv"), "versions", "bin"],
  ] as const;
  return all.flatMap(([of, manager, folder, ...bins]) =>
    of === "*" || of === name ? [{ folder: join(manager, folder), bins }] : [],
  );
}

/** The folder with this tool's programs; null: no version that fits is installed. */
function findFolder(tool: WantedTool, env: Environment): string | null {
  const installed = placesOf(tool.name, env).flatMap(({ folder, bins }) =>
    list(folder).flatMap((version) => {
      const bin = bins.map((each) => join(folder, version, each)).find((each) => existsSync(each));
      return bin === undefined ? [] : [{ version, bin }];
    }),
  );
  const chosen = chooseVersion(
    tool,
    installed.map(({ version }) => version),
  );
  return installed.find(({ version }) => version === chosen)?.bin ?? null;
}

/** rustup's toolchains are chosen by a variable: its programs on PATH start them. */
function findToolchain({ version }: WantedTool, env: Environment): string | null {
  const root = env.RUSTUP_HOME ?? join(env.HOME ?? "/nonexistent", ".rustup");
  const isIt = (name: string) => {
    const rest = name.startsWith(version) ? name.slice(version.length) : null;
    // `nightly` is not the nightly of some day.
    return rest !== null && /^(?:$|-(?!\d{4}-)|\.)/.test(rest);
  };
  return list(join(root, "toolchains")).find(isIt) ?? null;
}

/** Variables that decide more than PATH, where the daemon's environment has them. */
const homeVariables: ReadonlyMap<string, string> = new Map([
  ["java", "JAVA_HOME"],
  ["go", "GOROOT"],
]);

type Installed = { folder: string | null; variables: Record<string, string> };

function findInstalled(tool: WantedTool, env: Environment): Installed | null {
  const toolchain = tool.name === "rust" ? findToolchain(tool, env) : null;
  if (toolchain !== null) return { folder: null, variables: { RUSTUP_TOOLCHAIN: toolchain } };
  const folder = findFolder(tool, env);
  if (folder === null) return null;
  const home = homeVariables.get(tool.name);
  const isWhole = home !== undefined && basename(folder) === "bin";
  return { folder, variables: isWhole ? { [home]: dirname(folder) } : {} };
}

/**
 * Returns a command's environment with these tools first on its PATH, in their order; without those
 * of which no fitting version is installed. mise may trust what is below `trusted` where the base
 * commit has a file of its own: its programs on PATH refuse any other folder with one.
 */
export function withTools(
  env: Environment,
  { usesMise, versions }: WantedTools,
  trusted: readonly string[],
): Record<string, string> {
  const found = versions.flatMap((tool) => findInstalled(tool, env) ?? []);
  const folders = [...new Set(found.flatMap(({ folder }) => folder ?? []))];
  return Object.assign(
    { ...env },
    ...found.map(({ variables }) => variables),
    folders.length > 0 && { PATH: [...folders, env.PATH ?? []].flat().join(delimiter) },
    usesMise && {
      MISE_TRUSTED_CONFIG_PATHS: trusted.join(delimiter),
      MISE_AUTO_INSTALL: "false",
    },
  );
}

/** A sentence for each tool that is not there in the wanted version, with what is used instead. */
export async function noteMissingTools(
  { versions }: WantedTools,
  env: Environment,
): Promise<string[]> {
  const missing = versions.filter((tool) => findInstalled(tool, env) === null);
  const notes = missing.map(async (tool) => {
    const instead = await findInstead(tool, env);
    const { by, name, version } = tool;
    return instead === null
      ? []
      : `The repository wants ${name} ${version} (${by}), which this machine does not have: ${instead}.`;
  });
  return (await Promise.all(notes)).flat();
}

/** Programs that say their version. No other is started: a repository names what it wants. */
const asked: ReadonlyMap<string, readonly [program: string, argument: string]> = new Map([
  ["node", ["node", "--version"]],
  ["deno", ["deno", "--version"]],
  ["bun", ["bun", "--version"]],
  ["python", ["python3", "--version"]],
  ["ruby", ["ruby", "--version"]],
  ["go", ["go", "version"]],
  ["rust", ["rustc", "--version"]],
  ["java", ["java", "--version"]],
]);

/** What PATH leads to; null: it fits after all, though no version manager installed it. */
async function findInstead(tool: WantedTool, env: Environment): Promise<string | null> {
  const known = asked.get(tool.name);
  const file = findProgram(known?.[0] ?? basename(tool.name.replace(/^.*:/, "")), env.PATH);
  if (file === null) return "there is none on its PATH";
  // Elsewhere it may answer with a version that it refuses to start in a folder with such a file.
  const isOfRustup = tool.name === "rust" && existsSync(join(dirname(file), "rustup"));
  if (isOfRustup || basename(dirname(file)) === "shims")
    return `commands get ${file}, which may refuse to run`;
  const version = known && (await askVersion(file, known[1], env));
  if (!version) return `commands run with ${file}`;
  return chooseVersion(tool, [version]) === null ? `commands run with ${version}` : null;
}

/** Asked outside any repository. */
async function askVersion(file: string, argument: string, env: Environment) {
  const spec = { argv: [file, argument] as const, cwd: "/", env, input: undefined };
  try {
    const { exitCode, stdout } = await runProgram({ ...spec, silenceMs: 10_000, maxBytes: 10_000 });
    return exitCode === 0 ? /\d+(?:\.\d+)+/.exec(stdout.toString("utf8"))?.[0] : undefined;
  } catch {
    return undefined; // it says nothing of use
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // this manager is not used
  }
}
