import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";
import { until } from "../support/until.ts";

/** Ignored files are in no snapshot: those that may be an only copy outlive their worktree by a day. */
const { deputy, run, show } = withDeputy({
  files: { "a.txt": "a\n", ".gitignore": "*.dump\n.env\nnode_modules/\n" },
  config: "keep_worktrees: 0\n",
});

const asideOf = async () => {
  const root = join(deputy.home, "worktrees/set-aside");
  return (await readdir(root).catch(() => [])).map((name) => join(root, name));
};

test("a removed worktree leaves its young ignored files, caches apart, where restore says; git has none of them", async () => {
  const agent =
    "command:mkdir node_modules; echo c > node_modules/c; echo secret-words > .env; echo d > b.txt";
  const { id, state } = await run({ goal: "Leave a secret", agent });
  expect(state).toBe("completed");
  const { path } = (await show(id)).worktrees[0];
  await until(() => !existsSync(path), "the worktree is removed");
  const [aside = "", ...more] = await asideOf();
  expect(more).toEqual([]);
  expect(await readdir(aside)).toEqual([".env"]);
  expect(await readFile(join(aside, ".env"), "utf8")).toBe("secret-words\n");
  const { snapshots } = (await deputy.api("GET", `/v1/tasks/${id}/snapshots`)).body;
  expect(snapshots.map(({ files }: { files: number }) => files)).toContain(1);
  for (const { files } of snapshots) expect(files).toBeLessThan(2);

  const restored = await deputy.cli(["restore", id]);
  expect(restored.code, restored.stderr).toBe(0);
  expect(restored.stdout).toContain(`ignored files were set aside in ${aside}`);
  expect(await readFile(join(path, "b.txt"), "utf8")).toBe("d\n");
});

test("a fresh attempt finds none of them, and tells where they went", async () => {
  const agent = `command:[ -e first.dump ] && exit 9; echo "$DEPUTY_ATTEMPT" > try.txt
    [ "$DEPUTY_ATTEMPT" != 1 ] || { echo dumped > first.dump; exit 3; }`;
  const task = await run({ goal: "Dump", agent });
  expect(task.state, task.end_detail).toBe("completed");
  const told = (await deputy.events(task.id)).filter(({ data }) => data.step === "set_aside");
  expect(told.map(({ message }) => message)).toEqual([
    `Set aside for a day in ${told[0]?.data.path}: files that no snapshot holds`,
  ]);
  expect(await readFile(join(told[0]?.data.path, "first.dump"), "utf8")).toBe("dumped\n");
});
