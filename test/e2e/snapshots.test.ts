import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";

/** What attempts made is listed, and each state of it can be had again. */
const { deputy, run } = withDeputy({ files: { "a.txt": "a\n", ".gitignore": "*.log\n" } });

const snapshotsOf = async (id: string): Promise<Json[]> =>
  (await deputy.api("GET", `/v1/tasks/${id}/snapshots`)).body.snapshots;

test("each attempt of a failed task is listed, and brought back as it was", async () => {
  const agent =
    'command:echo "$DEPUTY_ATTEMPT" > try.txt; echo x > "only-$DEPUTY_ATTEMPT.txt"; echo l > a.log';
  const task = await run({ goal: "Try", agent, checks: ["grep -q never try.txt"] });
  expect(task.state).toBe("failed");
  const ends = (await snapshotsOf(task.id)).filter(({ kind }) => kind === "attempt");
  expect(ends.map(({ attempt, files }) => [attempt, files])).toEqual([
    [1, 2],
    [2, 2],
  ]);
  const list = await deputy.cli(["snapshots", task.id]);
  expect(list.stdout).toMatch(/@\d+ .* attempt 1 +end of the attempt +2 files changed/);
  for (const { attempt, number } of ends) {
    const restored = await deputy.cli(["restore", `${task.id}@${number}`]);
    expect(restored.code, restored.stderr).toBe(0);
    const path = join(deputy.home, "restored", `${task.id}-${number}`);
    expect(restored.stdout).toBe(
      `Snapshot ${number} is in ${path}; the folder is yours, Deputy does not remove it.\n`,
    );
    expect(await readFile(join(path, "try.txt"), "utf8")).toBe(`${attempt}\n`);
    expect(await readFile(join(path, `only-${attempt}.txt`), "utf8")).toBe("x\n");
  }
});

test("what is not there is refused in one sentence, and nothing is made", async () => {
  const task = await run({ goal: "Write", agent: "command:echo b > b.txt" });
  const numbers = (await snapshotsOf(task.id)).map(({ number }) => number);
  const last = Math.max(...numbers);
  const refused = async (name: string) => {
    const { code, stderr } = await deputy.cli(["restore", name]);
    return [code, stderr];
  };
  expect(await refused(`${task.id}@${last + 1}`)).toEqual([
    2,
    `deputy: ${task.id} has no snapshot ${last + 1}: it has ${last}, see deputy snapshots ${task.id}.\n`,
  ]);
  for (const name of ["@0", "@", "@x", "@1@2", "@-1"])
    expect(await refused(`${task.id}${name}`), name).toEqual([
      2,
      `deputy: "${task.id}${name}" names no snapshot: after the @ comes its number, see deputy snapshots ${task.id}.\n`,
    ]);
  expect((await deputy.cli(["restore", `${task.id}@${last}`])).code).toBe(0);
  const [code, stderr] = await refused(`${task.id}@${last}`);
  expect(code).toBe(2);
  expect(stderr).toContain(`exists: snapshot ${last} was restored there before.`);
});
