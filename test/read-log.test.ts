import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeRedact } from "../src/core/text/redact.ts";
import { readLog, readLogPart } from "../src/daemon/service/read-log.ts";

/** What of a log a reader can choose. Each part is redacted by itself. */
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deputy-log-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function keepLog(text: string, endedAt: Date | null = new Date()) {
  const logPath = join(folder, "log");
  await writeFile(logPath, text);
  const found = {
    task: { id: "task_1", prunedAt: null },
    subtasks: [],
    attempts: [{ number: 1, subtaskId: "sub_1", logPath, endedAt, startedAt: new Date() }],
  } as unknown as Parameters<typeof readLogPart>[0];
  const latest = { attempt: null, subtask: null };
  return {
    path: logPath,
    part: (from: number, bytes: number) => readLogPart(found, { ...latest, from, bytes }),
    tail: (maxBytes: number) => readLog(found, { ...latest, maxBytes }),
  };
}

const secret = `ghp_${"a1b2c3d4".repeat(5)}`;
const redact = makeRedact([]);

test.each([
  ["in a line", `one\n${"x ".repeat(50)}${secret} two\nthree\n`],
  ["in a line of 100 kB", `one\n${"x ".repeat(25_000)}${secret} ${"y ".repeat(25_000)}\nthree\n`],
  ["in one that is all there is", `${"x ".repeat(90_000)}${secret} ${"y ".repeat(25_000)}`],
])("no reader can cut a secret in two: %s", async (_, text) => {
  const { part, tail } = await keepLog(text);
  const at = text.indexOf(secret);
  for (const into of [0, 2, 10, 30, secret.length - 1]) {
    const shown = [
      (await part(at + into, 64)).text,
      (await part(at + into - 64, 64)).text,
      (await part(at + into - text.length, 4_096)).text,
      await tail(text.length - at - into),
    ].map(redact);
    for (const one of shown) expect(one).not.toMatch(/a1b2|c3d4/);
  }
});

test("parts follow one another to the end, whatever is in it", async () => {
  const text = ["äöü 名\n".repeat(9_000), "名".repeat(70_000), "\nx\n", "é".repeat(65_537)].join(
    "",
  );
  const { part } = await keepLog(text);
  for (const bytes of [64, 5_000, 100_000]) {
    let read = "";
    for (let from = bytes === 64 ? 90_000 : 0, total = 1; from < total; ) {
      const next = await part(from, bytes);
      if (read !== "" || bytes > 64) expect(next.from).toBe(from);
      expect(next.to).toBeGreaterThan(from);
      ({ to: from, total } = next);
      read += next.text;
    }
    expect(text.endsWith(read)).toBe(true);
    if (bytes > 64) expect(read.length).toBe(text.length);
  }
});

test("a line that is being written comes once it is whole, or too long to wait for", async () => {
  const { part, path } = await keepLog("one\ntwo", null);
  expect(await part(0, 1_000)).toMatchObject({ text: "one\n", to: 4, ended: false });
  expect(await part(4, 1_000)).toMatchObject({ text: "", from: 4, to: 4 });
  await appendFile(path, "!\n");
  expect(await part(4, 1_000)).toMatchObject({ text: "two!\n", to: 9 });
  await appendFile(path, "z".repeat(200_000));
  const long = await part(9, 1_000);
  expect(long).toMatchObject({ from: 9, to: 131_072 });
  expect(await part(long.to, 1_000)).toMatchObject({ from: long.to, to: 196_608 });
});
