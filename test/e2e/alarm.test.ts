import { afterAll, beforeAll, expect, test } from "vitest";
import { putOffAlarm, removeAlarm } from "../../src/notifier/replies/put-off-alarm.ts";
import { withDeputy } from "../support/fixtures.ts";
import { type Ntfy, startNtfy } from "../support/ntfy.ts";
import { until } from "../support/until.ts";

/** The phone rings when the machine dies, and at no other time. */
let ntfy: Ntfy;
let old: Ntfy;
beforeAll(async () => {
  ntfy = await startNtfy();
  old = await startNtfy({ sequences: false });
});
afterAll(async () => {
  await ntfy?.close();
  await old?.close();
});

const { deputy } = withDeputy({ env: () => ntfy.env, start: false });
const minute = 60_000;
const untilSet = () => until(() => ntfy.scheduled().length > 0, "the alarm is set", 60_000);

test("a killed daemon is told of once, a living and a stopped one never", async () => {
  await deputy.start();
  await untilSet();
  expect(ntfy.scheduled()).toHaveLength(1);
  await deputy.stop();
  expect(ntfy.scheduled()).toEqual([]);
  for (let n = 0; n < 2; n++) {
    await deputy.start();
    await untilSet();
    await deputy.kill();
    expect(ntfy.scheduled()).toHaveLength(1);
  }
  ntfy.advance(24 * minute);
  expect(ntfy.delivered()).toEqual([]);
  ntfy.advance(2 * minute);
  expect(ntfy.delivered().map(({ title }) => title)).toEqual([
    expect.stringMatching(/^Deputy on \S+ has been silent since \d{4}-\d\d-\d\d \d\d:\d\d UTC$/),
  ]);
});

test("put off for a day, it stays silent, and two homes have an alarm each", async () => {
  const server = { url: ntfy.url, token: null };
  const alarm = { server, topic: "quiet", host: "a host.local", home: "/a", afterMinutes: 25 };
  const options = { timeoutMs: 5_000, signal: new AbortController().signal };
  for (let n = 0; n < 144; n++) {
    await putOffAlarm(alarm, new Date(), options);
    ntfy.advance(10 * minute);
  }
  await putOffAlarm({ ...alarm, home: "/b" }, new Date(), options);
  expect(ntfy.delivered("quiet")).toEqual([]);
  expect(ntfy.scheduled("quiet")).toHaveLength(2);
  await removeAlarm(alarm, options);
  expect(ntfy.scheduled("quiet")).toHaveLength(1);
});

test("a server that replaces nothing gets no alarm, and the inbox says why", async () => {
  await deputy.start(old.env);
  const why = await until(
    async () => /\S.*2\.17.*/.exec((await deputy.cli(["inbox"])).stdout)?.[0] ?? null,
    "the inbox says so",
  );
  expect(why).toContain("the ntfy server replaces no scheduled messages");
  expect(old.scheduled("deputy")).toEqual([]);
  await deputy.stop();
});
