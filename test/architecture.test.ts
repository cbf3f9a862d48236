import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

/** Which folder of src may import which. This table is the architecture. */
const mayImport: Record<string, string[]> = {
  core: [],
  store: ["core", "sandbox"],
  queue: ["core"],
  worktree: ["core", "sandbox"],
  sandbox: ["core"],
  agents: ["core", "sandbox"],
  orchestrator: ["core", "store", "queue", "agents"],
  executor: ["core", "store", "worktree", "sandbox", "agents"],
  verifier: ["core", "store", "worktree", "sandbox", "agents"],
  recovery: ["core", "store", "queue", "worktree", "sandbox", "agents"],
  delivery: ["core", "store", "worktree", "sandbox"],
  notifier: ["core", "store"],
  triggers: ["core", "orchestrator", "queue", "sandbox"],
  mcp: ["core"],
  http: ["core", "store", "orchestrator", "triggers", "mcp"],
  cli: ["core", "mcp"],
  demo: ["core", "sandbox", "agents"],
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
  octokit: ["delivery", "triggers"],
  chokidar: ["triggers"],
  commander: ["cli"],
  "@modelcontextprotocol/server": ["mcp"],
  "@modelcontextprotocol/client": ["agents"],
};

/** Files of ours with one user: the writers of state. */
const writers: Record<string, string[]> = {
  "store/transition.ts": ["orchestrator"],
  "store/create-task.ts": ["orchestrator"],
  "store/attempts.ts": ["orchestrator", "delivery", "executor"],
};

/**
 * Files of the folders in which agents' files are worked on that name files of ours alone: the mirror's,
 * the daemon's own, the user's checkout, and the root of a worktree. Every other one opens an agent's
 * files folder by folder (sandbox/open-folder.ts), and so needs no more of node:fs than `perFolder`.
 */
const ownFiles: Record<string, string[]> = {
  worktree: [
    ...[
      "accept",
      "content-filters",
      "diff",
      "fetch-lfs",
      "fetch-submodules",
      "lfs-missing",
      "fingerprint",
      "lfs-pointer",
      "open-mirror",
    ],
    ...[
      "publish",
      "read-index",
      "repair-mirror",
      "repository-lock",
      "snapshot",
      "source-repository",
    ],
    ...["stale-locks", "throw-away", "worktree", "worktree-place", "write-object"],
  ],
  verifier: [
    ...["ask-judges", "clean-worktree", "remove-leftovers", "review-brief", "review-change"],
    // The hook is a program of its own: it writes into a folder that was made for one run.
    ...["name-tests", "run-checks", "runners/node-hook-source"],
  ],
  agents: [
    ...["acp", "builtin/attempt-log", "builtin/prompts", "builtin/tools/spill", "cli/lend-login"],
    ...["command-session", "find-agents"],
  ],
  executor: ["run-planner", "set-up-worktree"],
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

/** The folder of a file of src; files at the top compose the rest and may import anything. */
function folder(path: string): string {
  return path.includes("/") ? (path.split("/")[0] ?? "") : "";
}

test("there is something to look at", () => {
  expect(imports.length).toBeGreaterThan(300);
});

test("every folder stands in the table", () => {
  const folders = new Set(imports.map(({ from }) => from).filter((from) => from !== ""));
  expect([...folders].sort()).toEqual(Object.keys(mayImport).sort());
});

test("folders import only what the table allows", () => {
  const strays = imports.filter(
    ({ from, target, isLocal }) =>
      isLocal &&
      from !== "" &&
      folder(target) !== from &&
      !mayImport[from]?.includes(folder(target)),
  );
  expect(strays).toEqual([]);
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
      .filter((file) => file.endsWith(".ts") && !own.includes(file.slice(0, -3)))
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
