import { noneIfTooLarge } from "../../worktree/read/read-commit.ts";
import { asRecord, type Detector, firstOf, parseObject, type RepositoryFiles } from "./found.ts";

/**
 * JavaScript: the package manager by package.json's `packageManager`, else by the lock file, else by
 * a configuration that only one of them has. It installs where package.json, a lock or a workspace
 * file says that there is something to install: the root of a workspace often has no dependencies.
 */
type Name = "npm" | "pnpm" | "yarn" | "bun";
type Choice = { name: Name; version: number | null; by: string; notes: string[] };

/** In the order of precedence where package.json names none. */
const locks: readonly (readonly [Name, readonly string[]])[] = [
  ["pnpm", ["pnpm-lock.yaml"]],
  ["yarn", ["yarn.lock"]],
  ["bun", ["bun.lock", "bun.lockb"]],
  ["npm", ["package-lock.json", "npm-shrinkwrap.json"]],
];
const configurations: readonly (readonly [string, Name])[] = [
  ["pnpm-workspace.yaml", "pnpm"],
  [".yarnrc.yml", "yarn"],
  [".yarnrc", "yarn"],
  ["bunfig.toml", "bun"],
];
const installs: Readonly<Record<Name, string>> = {
  npm: "it comes with Node",
  pnpm: "`npm install -g pnpm`, or `corepack enable`",
  yarn: "`corepack enable`, or `npm install -g corepack` first where Node comes without it",
  bun: "`npm install -g bun`",
};
const dependencyKeys = [
  ...["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"],
  "workspaces",
];

export const detectNode: Detector = async (repository) => {
  const { files, hasProgram, read } = repository;
  if (!files.has("package.json")) return null;
  const manifest = parseObject(await read("package.json"));
  if (!manifest) return null;
  const choice = chooseManager(files, manifest);
  const lock = lockOf(files, choice.name);
  const isLocked = lock !== null && (await holdsPackages(repository, lock));
  const isWorkspace = choice.name === "pnpm" && files.has("pnpm-workspace.yaml");
  const needsInstall =
    isLocked ||
    isWorkspace ||
    dependencyKeys.some((key) => Object.keys(asRecord(manifest[key])).length > 0);
  // Corepack starts the version that package.json names, without a program on PATH.
  const byCorepack =
    (choice.name === "yarn" || choice.name === "pnpm") &&
    !hasProgram(choice.name) &&
    hasProgram("corepack");
  const run = byCorepack ? `corepack ${choice.name}` : choice.name;
  const scripts = asRecord(manifest.scripts);
  const checks: string[] = [];
  if (isRealTest(scripts.test)) checks.push(`${run === "bun" ? "bun run" : run} test`);
  if (typeof scripts.typecheck === "string") checks.push(`${run} run typecheck`);
  const install = needsInstall ? [await writeInstall(repository, run, choice, lock)] : [];
  return {
    ...{ setup: install, checks, by: choice.by, notes: needsInstall ? choice.notes : [] },
    programs: byCorepack ? [] : [{ name: choice.name, install: installs[choice.name] }],
  };
};

function lockOf(files: ReadonlySet<string>, name: Name): string | null {
  return firstOf(files, locks.find(([each]) => each === name)?.[1] ?? []);
}

function chooseManager(files: ReadonlySet<string>, manifest: Record<string, unknown>): Choice {
  const present = locks.flatMap(([name]) => {
    const lock = lockOf(files, name);
    return lock === null ? [] : [{ name, lock }];
  });
  const others = (name: Name) =>
    present.filter((each) => each.name !== name).map(({ lock }) => lock);
  const told = readManager(manifest);
  if (told) {
    const unused = others(told.name);
    const isAlone = present.length === unused.length;
    const notes =
      unused.length === 0
        ? []
        : [
            `package.json names ${told.name}${isAlone ? ", which has no lock file here" : ""}, so it installs; ${unused.join(" and ")} ${unused.length > 1 ? "are" : "is"} not used.`,
          ];
    return { ...told, by: "package.json", notes };
  }
  const [first] = present;
  if (first) {
    const unused = others(first.name);
    const notes =
      unused.length === 0
        ? []
        : [
            `There are several lock files, and package.json has no \`packageManager\`: ${first.name} installs by ${first.lock}, not by ${unused.join(" or ")}. Name the right one in \`packageManager\`, or remove the others.`,
          ];
    return { name: first.name, version: null, by: first.lock, notes };
  }
  const hint = configurations.find(([file]) => files.has(file));
  return { name: hint?.[1] ?? "npm", version: null, by: hint?.[0] ?? "package.json", notes: [] };
}

/** `packageManager`, as Corepack reads it, else the newer `devEngines`. */
function readManager(manifest: Record<string, unknown>): Pick<Choice, "name" | "version"> | null {
  const engine = asRecord(asRecord(manifest.devEngines).packageManager);
  const text =
    typeof manifest.packageManager === "string"
      ? manifest.packageManager
      : `${engine.name}@${engine.version}`;
  const [, name, version] = /^(npm|pnpm|yarn|bun)(?:@\D{0,2}(\d+))?/.exec(text) ?? [];
  if (name === undefined) return null;
  return { name: name as Name, version: version === undefined ? null : Number(version) };
}

/** An npm lock without packages is what `npm install` leaves where there are none. */
async function holdsPackages({ read }: RepositoryFiles, lock: string): Promise<boolean> {
  if (lock === "bun.lockb") return true;
  const text = await read(lock).catch(
    (error) => noneIfTooLarge(error) ?? "too large to be read, so there are some",
  );
  if (text === null || text.trim() === "") return false;
  const parsed = /^(package-lock|npm-shrinkwrap)\.json$/.test(lock) ? parseObject(text) : null;
  if (parsed === null) return true;
  return [parsed.packages, parsed.dependencies].some((each) =>
    Object.keys(asRecord(each)).some((name) => name !== ""),
  );
}

/** Exactly what the lock file says, where there is one. */
async function writeInstall(
  repository: RepositoryFiles,
  run: string,
  { name, version }: Choice,
  lock: string | null,
): Promise<string> {
  switch (name) {
    case "npm":
      return lock ? "npm ci" : "npm install";
    case "pnpm":
    case "bun":
      return lock ? `${run} install --frozen-lockfile` : `${run} install`;
    case "yarn":
      if (await isBerry(repository, version))
        return `${run} install ${lock ? "--immutable" : "--no-immutable"}`;
      return lock ? `${run} install --frozen-lockfile` : `${run} install`;
  }
}

/** Whether it is Yarn 2 or later, which has other flags and another lock file. */
async function isBerry({ files, read }: RepositoryFiles, version: number | null): Promise<boolean> {
  if (version !== null) return version >= 2;
  if (files.has(".yarnrc.yml")) return true;
  const text = await read("yarn.lock").catch(noneIfTooLarge); // Yarn itself says what is wrong
  return /^__metadata:/m.test(text ?? "");
}

/** `npm init` writes a test script that only fails. */
function isRealTest(script: unknown): boolean {
  return typeof script === "string" && script.trim() !== "" && !/no test specified/.test(script);
}

/** Deno: installs ahead, because checks have no network; the check is a task, which has its rights. */
export const detectDeno: Detector = async ({ files, read }) => {
  const by = firstOf(files, ["deno.json", "deno.jsonc"]);
  if (by === null || files.has("package.json")) return null;
  // Comments and trailing commas are no JSON: such a file is looked through as text.
  const text = (await read(by)) ?? "";
  const config = parseObject(text);
  const hasTest = config
    ? "test" in asRecord(config.tasks)
    : /"tasks"\s*:\s*\{[^}]*"test"\s*:/s.test(text);
  const isLocked = files.has("deno.lock");
  const setup = isLocked
    ? ["deno install --frozen"]
    : /"imports"\s*:/.test(text)
      ? ["deno install"]
      : [];
  return {
    ...{ setup, checks: hasTest ? ["deno task test"] : [], by: isLocked ? "deno.lock" : by },
    ...{ programs: [{ name: "deno" }], notes: [] },
  };
};
