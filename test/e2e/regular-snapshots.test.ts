import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { waitFor } from "../support/scratch.ts";
import { until } from "../support/until.ts";

/**
 * While an agent runs its files are kept every few minutes (here: every eighth of a second), each
 * state for itself. A command has no checkpoints of its own before its fifth second.
 */
const { deputy, run, scratch, submit } = withDeputy({
  files: { "a.txt": "a\n", ".gitignore": "*.log\n" },
  config: "snapshot_minutes: 0.002\n",
});

const statesOf = async (id: string): Promise<Json[]> =>
  (await deputy.api("GET", `/v1/tasks/${id}/snapshots`)).body.snapshots;
const countOf = async (id: string) => (await statesOf(id)).length;
/** Shell that writes a file at once, as no snapshot can see half of it. */
const put = (name: string, text: string) =>
  `echo ${text} > ${scratch.at("draft")}; mv ${scratch.at("draft")} ${name}`;

test("what was written and deleted again in one attempt is listed and restored; what did not change is not", async () => {
  const agent = await scratch.agent(
    "steps.sh",
    [
      // Nothing of the agent's own git is touched.
      'index=$(git rev-parse --git-path index); cp "$index" "$0.index"',
      ...[put("lost.txt", "words"), waitFor(scratch.at("one"))],
      ...["rm lost.txt", put("noise.log", "noise"), put("b.txt", "b"), waitFor(scratch.at("two"))],
      put("c.txt", "c"),
      'cmp "$index" "$0.index"; [ -z "$(find "$(git rev-parse --git-dir)" -name "*.lock")" ]',
    ].join("\n"),
  );
  const id = await submit({ goal: "Write and delete", agent });
  await until(async () => (await countOf(id)) === 1, "the first state is kept");
  // Many times as long as from one look to the next: nothing is added while nothing changes.
  const why = await deputy.cli(["why", id]);
  expect(why.code).toBe(0);
  expect(await countOf(id)).toBe(1);
  await scratch.write("one");
  await until(async () => (await countOf(id)) > 1, "another state is kept");
  await scratch.write("two");
  expect((await deputy.untilOver(id)).state).toBe("completed");

  const states = await statesOf(id);
  expect(states[0]).toMatchObject({ number: 1, kind: "checkpoint", attempt: 1, files: 1 });
  expect(states.at(-1)).toMatchObject({ kind: "attempt", attempt: 1, files: 2 });
  expect((await deputy.cli(["snapshots", id])).stdout).toMatch(
    /^@1 .* attempt 1 +checkpoint +1 file changed\n@2 /,
  );
  const restored = await deputy.cli(["restore", `${id}@1`]);
  expect(restored.code, restored.stderr).toBe(0);
  const path = join(deputy.home, "restored", `${id}-1`);
  expect(await readFile(join(path, "lost.txt"), "utf8")).toBe("words\n");
  expect((await readdir(path)).sort()).toEqual([".git", ".gitignore", "a.txt", "lost.txt"]);
});

test("an agent that changes nothing leaves nothing but its end", async () => {
  const agent = `command:${waitFor(scratch.at("bored"))}; echo n > n.log`;
  const id = await submit({ goal: "Do nothing", agent });
  await deputy.untilEvent(id, ({ message }) => message.startsWith("Worktree ready"));
  await deputy.cli(["why", id]);
  expect(await countOf(id)).toBe(0);
  await deputy.cli(["cancel", id]);
  await deputy.untilOver(id);
  expect((await statesOf(id)).filter(({ files }) => files > 0)).toEqual([]);
});

test("a snapshot that fails is told once and ends nothing; the next one makes up for it", async () => {
  const warmUp = await run({ goal: "Make the mirror", agent: "command:echo w > w.txt" });
  expect(warmUp.state).toBe("completed");
  const [name = ""] = (await readdir(join(deputy.home, "repos"))).filter((it) => /\.git$/.test(it));
  // A file in place of the folder of the refs.
  const refs = join(deputy.home, "repos", name, "refs/deputy/checkpoints");
  await rm(refs, { recursive: true, force: true });
  await writeFile(refs, "");
  const agent = `command:echo x > x.txt; ${waitFor(scratch.at("mended"))}; echo y > y.txt`;
  const id = await submit({ goal: "Go on", agent });
  const told = await deputy.untilEvent(id, ({ message }) => message.startsWith("No snapshot of"));
  expect(told.message).toMatch(/; it works on, and the next one is tried: .+/);
  await rm(refs);
  await until(async () => (await countOf(id)) > 0, "a state is kept after all");
  await scratch.write("mended");
  expect((await deputy.untilOver(id)).state).toBe("completed");
  const notices = (await deputy.events(id)).filter(({ message }) => /^No snapshot/.test(message));
  expect(notices).toHaveLength(1);
});
