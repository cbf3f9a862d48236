import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";
import { type Phone, startPhone } from "../support/phone.ts";
import { until } from "../support/until.ts";

/** Quiet hours through the daemon: it holds, Deputy's own trouble breaks through, one digest follows. */
let phone: Phone;
beforeAll(async () => {
  phone = await startPhone();
});
afterAll(() => phone?.close());

const { deputy, submit } = withDeputy({
  files: { "a.txt": "a\n", ".deputy/config.yaml": "checks: []\n" },
  env: () => phone.env,
  start: false,
});

/** So many hours from now, on the clock of UTC. */
const clock = (hours: number) =>
  new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16);
const setQuiet = (from: number, to: number) =>
  writeFile(
    join(deputy.home, "config.yaml"),
    `notify:\n  quiet: {from: "${clock(from)}", to: "${clock(to)}", tz: UTC}\n`,
  );
const held = async () => {
  const rows = await deputy.database?.query(
    "select title from notifications where held_from is not null and sent_at is null and isfinite(next_at) order by title",
  );
  return (rows ?? []).map(({ title }) => title as string);
};
const ask = `command:if [ -f asked.txt ]; then echo b > b.txt; else echo 1 > asked.txt; echo '{"question": "Left or right?"}'; fi`;

test("pushes are held over restarts, what is urgent rings, and one digest says how it is now", async () => {
  await setQuiet(-2, 2);
  await deputy.start();
  // A crash loop: killed again and again before anything was done.
  for (let boot = 0; boot < 2; boot++) {
    await deputy.kill();
    await deputy.start();
  }
  await until(() => phone.titles().length > 0, "the crash loop rings");
  expect(phone.pushes()).toMatchObject([
    { title: "Deputy is frozen: it crashed again and again", priority: 5 },
  ]);
  expect((await deputy.api("POST", "/v1/thaw")).status).toBe(200);

  const done = await submit({ goal: "Write it", agent: "command:echo b > b.txt" });
  const failed = await submit({ goal: "Fail at once", agent: "command:exit 1" });
  const waiting = await submit({ goal: "Ask and wait", agent: ask });
  const answered = await submit({ goal: "Ask and go on", agent: ask });
  await Promise.all([done, failed].map((id) => deputy.untilOver(id)));
  for (const id of [waiting, answered])
    await deputy.untilEvent(id, ({ type }) => type === "question.asked");
  await until(async () => (await held()).length === 4, "all four are held");
  expect(await held()).toEqual([
    ...["Done: Write it", "Failed: Fail at once"],
    ...["Needs an answer: Ask and go on", "Needs an answer: Ask and wait"],
  ]);
  expect(
    (await deputy.api("POST", `/v1/tasks/${answered}/answer`, { answer: "Left" })).status,
  ).toBe(200);
  await deputy.untilOver(answered);
  await until(async () => (await held()).includes("Done: Ask and go on"), "its end is held");
  expect(phone.titles()).toHaveLength(1);

  await deputy.kill();
  await setQuiet(4, 5);
  await deputy.start();
  await until(() => phone.titles().length > 1, "the digest rings");
  await deputy.stop();
  await deputy.start();
  const again = await submit({ goal: "Write c", agent: "command:echo c > c.txt" });
  await deputy.untilOver(again);
  await until(() => phone.titles().includes("Done: Write c"), "by day it rings at once");
  expect(phone.titles().slice(1)).toEqual([
    "While it was quiet: 2 done, 1 failed, 1 waiting for you",
    "Done: Write c",
  ]);
  expect(phone.pushes()[1]?.message).toBe("First: Needs an answer: Ask and wait\ndeputy inbox");
  expect(await held()).toEqual([]);
});
