import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { scopeOf, watchRuleSchema } from "../../../src/triggers/watch/watch-rule.ts";
import { type WatchedTree, watchTree } from "../../../src/triggers/watch/watch-tree.ts";

let root: string;
let outside: string;
let tree: WatchedTree | null;
let heard: Set<string>;
let failures: string[];

beforeEach(async () => {
  [root = "", outside = ""] = await Promise.all(
    ["tree", "outside"].map(async (name) =>
      realpath(await mkdtemp(join(tmpdir(), `deputy-${name}-`))),
    ),
  );
  heard = new Set();
  failures = [];
  tree = null;
});
afterEach(async () => {
  await tree?.close();
  await Promise.all([root, outside].map((path) => rm(path, { recursive: true, force: true })));
});

const open = async (more: { paths?: string[]; ignore?: string[] } = {}) => {
  const rule = watchRuleSchema.parse({ name: "w", repository: root, command: "true", ...more });
  tree = await watchTree({
    ...{ root, ignored: ["out"], scope: scopeOf(rule) },
    onChange: (path) => heard.add(path),
    onFailure: (error) => failures.push(error.message),
  });
};
/** All that was done before it was heard, too. */
const untilHeard = async (path: string) => {
  await writeFile(join(root, path), `${Math.random()}`);
  await vi.waitFor(() => expect(heard).toContain(path), { timeout: 30_000, interval: 20 });
};

test("it hears nothing through a link, and nothing of what git or the rule leaves out", async () => {
  for (const folder of ["src", "out", "node_modules/a", "src/node_modules", ".git", "docs"])
    await mkdir(join(root, folder), { recursive: true });
  await writeFile(join(outside, "secret"), "1");
  await symlink(outside, join(root, "src", "link"));
  await open({ ignore: ["docs"] });
  await writeFile(join(outside, "secret"), "2");
  for (const path of ["out/x", "node_modules/a/x", "src/node_modules/x", ".git/HEAD", "docs/x"])
    await writeFile(join(root, path), "x");
  await untilHeard("src/a.js");
  await mkdir(join(root, "src", "deep"));
  await untilHeard("src/deep/b.js");
  expect([...heard].filter((path) => !/^src\/(?:a\.js|deep|link$)/.test(path))).toEqual([]);
});

test("what git ignores later is left alone from then on", async () => {
  await mkdir(join(root, "build"));
  await open();
  await untilHeard("build/a");
  tree?.ignore(["out", "build"]);
  heard.clear();
  await writeFile(join(root, "build", "b"), "x");
  await untilHeard("c");
  expect([...heard]).toEqual(["c"]);
});

test("a folder that is taken away is a failure, once", async () => {
  await mkdir(join(root, "src"));
  await open();
  await rm(root, { recursive: true });
  await vi.waitFor(() => expect(failures).toHaveLength(1), { timeout: 30_000, interval: 20 });
});

test("a root that is not there is a failure, and leaves nothing open", async () => {
  await rm(root, { recursive: true });
  const opened = () => process.getActiveResourcesInfo().filter((one) => one === "FSEventWrap");
  const before = opened();
  await open();
  expect(failures).toEqual([expect.stringContaining("ENOENT")]);
  expect(opened()).toEqual(before);
  await tree?.close();
  expect(failures).toHaveLength(1);
});

test.each([
  ["src", ["src/a.js", "src/x/b.js"], ["srcs/a", "lib/src/a"]],
  ["**/*.md", ["README.md", "docs/.x/a.md"], ["a.mdx"]],
  ["./docs/", ["docs/a"], ["doc/a"]],
  ["package.json", ["package.json"], ["x/package.json"]],
])("%s fits %s, not %s", (glob, inside, others) => {
  const { holds, mayHold } = scopeOf({ paths: [glob], ignore: [] });
  expect(inside.filter((path) => !holds(path))).toEqual([]);
  expect(others.filter(holds)).toEqual([]);
  const above = inside.flatMap((path) =>
    path
      .split("/")
      .slice(0, -1)
      .map((_, at, all) => all.slice(0, at + 1).join("/")),
  );
  expect(above.filter((folder) => !mayHold(folder))).toEqual([]);
});

test.each([
  [{ goal: "x" }, null],
  [{ command: "npm test" }, null],
  [{}, /goal.*missing/],
  [{ goal: "x", run_minutes: 3 }, /run_minutes/],
  [{ goal: "x", paths: ["../a"] }, /checkout's root/],
  [{ goal: "x", paths: ["!a"] }, /checkout's root/],
  [{ goal: "x", repository: "https://example.com/a.git" }, /absolute path/],
])("a rule with %o", (more, wrong) => {
  const parsed = watchRuleSchema.safeParse({ name: "w", repository: "/app", ...more });
  if (wrong === null) expect(parsed.success).toBe(true);
  else expect(JSON.stringify(parsed.error?.issues)).toMatch(wrong);
});
