import { readdirSync, readFileSync } from "node:fs";
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
