import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

/** Which room of src may import which. This table is the architecture. */
const mayImport: Record<string, string[]> = {
  core: [],
  api: ["core"],
  queue: ["core"],
  sandbox: ["core"],
  agents: ["core", "sandbox"],
  mcp: ["core", "api"],
  store: ["core", "sandbox"],
  worktree: ["core", "sandbox"],
  cli: ["core", "api", "mcp"],
  config: ["core", "sandbox", "worktree"],
  delivery: ["core", "store", "worktree"],
  executor: ["core", "sandbox", "agents", "store", "worktree"],
  notifier: ["core", "sandbox", "store"],
  orchestrator: ["core", "store"],
  recovery: ["core", "sandbox", "store", "worktree"],
  verifier: ["core", "sandbox", "agents", "store", "worktree"],
  http: ["core", "api", "mcp", "store", "orchestrator"],
  roles: ["core", "sandbox", "agents", "store", "worktree", "config", "executor", "verifier"],
  triggers: ["core", "orchestrator"],
  planner: [
    "core",
    "agents",
    "store",
    "worktree",
    "config",
    "delivery",
    "executor",
    "orchestrator",
    "verifier",
    "roles",
  ],
  wiring: [
    "core",
    "sandbox",
    "agents",
    "store",
    "worktree",
    "config",
    "delivery",
    "executor",
    "orchestrator",
    "recovery",
    "verifier",
    "roles",
    "planner",
  ],
  stages: [
    "core",
    "delivery",
    "executor",
    "orchestrator",
    "recovery",
    "verifier",
    "planner",
    "wiring",
  ],
  daemon: [
    "core",
    "queue",
    "sandbox",
    "agents",
    "store",
    "worktree",
    "config",
    "delivery",
    "notifier",
    "orchestrator",
    "recovery",
    "verifier",
    "http",
    "roles",
    "triggers",
    "wiring",
    "stages",
  ],
  demo: ["core", "api", "sandbox", "store", "worktree", "cli", "config", "daemon"],
  verbs: [
    "core",
    "sandbox",
    "store",
    "worktree",
    "config",
    "delivery",
    "verifier",
    "roles",
    "triggers",
    "daemon",
  ],
  main: ["core", "cli", "daemon", "demo", "verbs"],
};

/** Third-party modules with one home: imported from these folders only. */
const homes: Record<string, string[]> = {
  pg: ["store"],
  kysely: ["store"],
  bullmq: ["queue"],
  ioredis: ["queue"],
  "simple-git": ["worktree"],
  "node:child_process": ["sandbox"],
  openai: ["agents"],
  fastify: ["http"],
  octokit: ["delivery"],
  chokidar: ["triggers"],
  croner: ["triggers"],
  commander: ["cli"],
  uqr: ["verbs"],
  "web-push": ["notifier"],
  ws: ["notifier"],
  "@modelcontextprotocol/server": ["mcp"],
  "@modelcontextprotocol/client": ["agents"],
};

/** Files of ours with one user: the writers of state. */
const writers: Record<string, string[]> = {
  "store/tasks/transition.ts": ["orchestrator"],
  "store/tasks/ledger.ts": ["orchestrator"],
  "store/tasks/create-task.ts": ["orchestrator"],
  "store/tasks/attempts.ts": ["orchestrator", "delivery", "executor", "planner"],
};

/**
 * Files of the folders in which agents' files are worked on that name files of ours alone: the mirror's,
 * the daemon's own, the user's checkout, and the root of a worktree. Every other one opens an agent's
 * files folder by folder (sandbox/open-folder.ts), and so needs no more of node:fs than `perFolder`.
 */
const ownFiles: Record<string, string[]> = {
  worktree: [
    ...[
      "guard-checkout",
      "commit-uncommitted",
      "content-filters",
      "diff",
      "fetch-lfs",
      "fetch-submodules",
      "lfs-missing",
      "fingerprint",
      "lfs-pointer",
      "open-mirror",
    ],
    ...["partial-mirror", "publish", "repair-mirror", "repository-lock", "revert", "snapshot"],
    ...["salvage-mirror", "source-repository", "sparse", "stale-locks", "throw-away"],
    ...["worktree", "worktree-place", "write-object"],
    // Folders of ours, and the root of a worktree; what is in it is looked at folder by folder.
    ...["access-times", "move-files", "prepared-trees", "spares"],
  ],
  verifier: [
    ...["ask-judges", "clean-worktree", "remove-leftovers", "review-brief", "review-change"],
    // The hook is a program of its own: it writes into a folder that was made for one run.
    ...["name-tests", "run-checks", "node-hook-source"],
    // The programs of this machine, to tell their versions.
    "set-up",
  ],
  agents: [
    ...["acp", "builtin/attempt-log", "builtin/prompts", "builtin/tools/spill", "cli/lend-login"],
    ...["command-session", "find-agents"],
  ],
  executor: ["run-planner", "prepare-worktree"],
};
/** What names its object and follows no link there; realpath tells where links lead and opens nothing. */
const perFolder =
  /^(?:type .*|\w*Stats|Dirent|FileHandle|constants|realpath|mkdtemp|(?:lstat|readdir|readlink|rm|symlink|unlink|writeFile|copyFile)(?:Sync)?)$/;
/** `from` is in the user's checkout, `file`, `index` and `lock` are ours, and so is a worktree's root. */
const openedFirst =
  /(?<![.\w])(?:lstat|readdir|readlink|rm|symlink|unlink|writeFile|copyFile)(?:Sync)?\(\s*(?!(?:\w+\.)?(?:at\(|path\b)|from\b|file\b|index\b|lock\b|workTree\b|place\.index\b|login\.lent, path\b)/;

const src = resolve(import.meta.dirname, "../src");
const importPattern = /\b(?:from|import)\s*\(?\s*"([^"]+)"/g;
const imports = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .flatMap((file) =>
    [...readFileSync(join(src, file), "utf8").matchAll(importPattern)].map(([, target = ""]) => ({
      file,
      from: folder(file),
      target: target.startsWith(".") ? relative(src, resolve(src, file, "..", target)) : target,
      isLocal: target.startsWith("."),
    })),
  )
  // Text of other programs inside ours (the demo's files) imports things that are not of src.
  .filter(({ target, isLocal }) => !isLocal || target.endsWith(".ts"));

/** The room of a file of src: its folder, or the file itself. */
function folder(path: string): string {
  return path.split("/")[0]?.replace(/\.ts$/, "") ?? "";
}

test("there is something to look at", () => {
  expect(imports.length).toBeGreaterThan(300);
});

test("rooms import exactly what the table allows, and the table has every room", () => {
  const found: Record<string, Set<string>> = {};
  for (const file of readdirSync(src)) found[folder(file)] = new Set();
  for (const { from, target, isLocal } of imports)
    if (isLocal && folder(target) !== from) found[from]?.add(folder(target));
  const sorted = (table: Record<string, Iterable<string>>) =>
    Object.fromEntries(Object.entries(table).map(([room, list]) => [room, [...list].sort()]));
  expect(sorted(found)).toEqual(sorted(mayImport));
});

test("the table has no circle: each room imports rooms above it alone", () => {
  const rooms = Object.keys(mayImport);
  const climbs = rooms.flatMap((room, index) =>
    (mayImport[room] ?? [])
      .filter((other) => rooms.indexOf(other) >= index)
      .map((other) => `${room} imports ${other}`),
  );
  expect(climbs).toEqual([]);
});

test("only main.ts and stages.ts lie loose, and no room has more than eighteen files", () => {
  const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  expect(files.filter((file) => !file.includes("/")).sort()).toEqual(["main.ts", "stages.ts"]);
  const sizes = new Map<string, number>();
  for (const file of files) sizes.set(dirname(file), (sizes.get(dirname(file)) ?? 0) + 1);
  expect([...sizes].filter(([, size]) => size > 18)).toEqual([]);
});

test("modules hold no state: nothing at the top of a file is reassigned or filled", () => {
  const state =
    /^(?:export )?(?:let |var |const \w+(?:: [^=]+)? = (?:new (?:Map|Set|WeakMap|WeakSet|LRUCache|EventEmitter)\b(?:<.*>)?\((?:\)|\{)|gather\(|make\w*Cache\(|pLimit\())/m;
  const holders = readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => {
      const found = state.exec(readFileSync(join(src, file), "utf8"));
      return found ? [`${file}: ${found[0]}`] : [];
    });
  expect(holders).toEqual([]);
});

test("modules with one home are imported there only", () => {
  const strays = imports.filter(({ from, target }) => {
    const name = Object.keys(homes).find(
      (known) => target === known || target.startsWith(`${known}/`),
    );
    return name !== undefined && !homes[name]?.includes(from);
  });
  expect(strays).toEqual([]);
});

test("an agent's files are opened folder by folder", () => {
  const strays = Object.entries(ownFiles).flatMap(([folder, own]) =>
    readdirSync(join(src, folder), { recursive: true, encoding: "utf8" })
      .filter(
        (file) => file.endsWith(".ts") && !own.some((name) => `/${file}`.endsWith(`/${name}.ts`)),
      )
      .flatMap((file) => {
        const text = readFileSync(join(src, folder, file), "utf8");
        const names = [
          ...text.matchAll(/import (?:type )?\{([^}]*)\} from "node:fs(?:\/promises)?"/g),
        ]
          .flatMap(([, list = ""]) => list.split(","))
          .map((name) => name.trim())
          .filter((name) => name !== "" && !perFolder.test(name));
        const call = names.length === 0 && /"node:fs/.test(text) ? openedFirst.exec(text) : null;
        return [...names, ...(call ? [text.slice(call.index, call.index + 60)] : [])].map(
          (what) => `${folder}/${file}: ${what}`,
        );
      }),
  );
  expect(strays).toEqual([]);
});

test("only the orchestrator writes state", () => {
  const strays = imports.filter(
    ({ from, target }) => writers[target] && from !== "store" && !writers[target].includes(from),
  );
  expect(strays).toEqual([]);
});

test("the page takes types of the API from src, and nothing else", () => {
  const web = resolve(import.meta.dirname, "../web");
  const strays = readdirSync(web, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.tsx?$/.test(file))
    .flatMap((file) =>
      [
        ...readFileSync(join(web, file), "utf8").matchAll(
          /^(?:import|export)[^;]*?from "([^"]+)"/gms,
        ),
      ]
        .filter(([, target = ""]) => relative(src, resolve(web, file, "..", target))[0] !== ".")
        .filter(([, target = ""]) => target.startsWith("."))
        .filter(
          ([line, target = ""]) => !/^import type /.test(line) || !/\/src\/api\//.test(target),
        )
        .map(([line]) => `${file}: ${line}`),
    );
  expect(strays).toEqual([]);
});

test("there are no barrels", () => {
  const barrels = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) =>
    /(^|\/)index\.ts$/.test(file),
  );
  expect(barrels).toEqual([]);
});

test("what a bench imports of the built sources is there", () => {
  const bench = resolve(import.meta.dirname, "../bench");
  const missing = readdirSync(bench)
    .filter((file) => file.endsWith(".mjs"))
    .flatMap((file) =>
      [...readFileSync(join(bench, file), "utf8").matchAll(/"\.\.\/dist\/([\w/.-]+)\.js"/g)]
        .map(([, path]) => `${path}.ts`)
        .filter((path) => !existsSync(join(bench, "../src", path)))
        .map((path) => `${file}: ${path}`),
    );
  expect(missing).toEqual([]);
});
