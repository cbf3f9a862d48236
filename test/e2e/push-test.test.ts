import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findSubscription } from "../../src/verbs/find-subscription.ts";
import { withDeputy } from "../support/fixtures.ts";
import { type Ntfy, startNtfy } from "../support/ntfy.ts";

/** `deputy notify test` proves the way to the phone and back, or says what is missing of it. */
let ntfy: Ntfy;
beforeAll(async () => {
  ntfy = await startNtfy();
});
afterAll(() => ntfy?.close());

const { deputy } = withDeputy({ env: () => ntfy.env });
const pushed = () => ntfy.delivered().filter(({ title }) => title === "A test from Deputy");

test("a pressed button comes back, and an unpressed one is waited for in vain", async () => {
  const tested = deputy.cli(["notify", "test"]);
  const push = await ntfy.card(({ title }) => title === "A test from Deputy");
  expect(push.actions).toHaveLength(1);
  await ntfy.press(push, "It works");
  const { code, stdout } = await tested;
  expect(stdout).toMatch(
    /^ntfy: sent\nPress the button .*\npressed after \d+ s: the way to you and back works\n$/,
  );
  expect(code).toBe(0);
  const answered = await ntfy.card(({ title }) => title === "Answered: It works");
  expect(answered).toMatchObject({
    sequence_id: push.sequence_id,
    message: "The way to you and back works.",
  });
  const vain = await deputy.cli(["notify", "test", "--wait", "1"]);
  expect([vain.code, vain.stdout.includes("No press came back within 1 s")]).toEqual([1, true]);
});

test("a server that wants a login, one that is down, and no channel at all are named", async () => {
  ntfy.setAccess(({ token, topic, write }) => (write && !token && topic !== "deputy" ? 403 : 200));
  await deputy.stop();
  await deputy.start();
  const before = pushed().length;
  const locked = await deputy.cli(["notify", "test"]);
  expect(locked.stdout).toMatch(/no button to press: the ntfy server demands a login for topics/);
  expect([locked.code, pushed().length]).toEqual([0, before + 1]);
  expect(pushed().at(-1)?.actions).toBeUndefined();
  const inbox = await deputy.cli(["inbox"]);
  expect(inbox.stdout).toContain("demands a login");
  const doctor = await deputy.cli(["doctor"]);
  expect(doctor.stdout).toMatch(/phone.*demands a login/);
  ntfy.setDown(503);
  const down = await deputy.cli(["notify", "test", "--json"]);
  expect(JSON.parse(down.stdout).channels).toEqual([
    { name: "ntfy", problem: expect.stringContaining("answered 503") },
  ]);
  expect(down.code).toBe(1);
  await deputy.stop();
  await deputy.start({ DEPUTY_NTFY_TOPIC: "" });
  const none = await deputy.cli(["notify", "test"]);
  expect([none.code, none.stderr]).toEqual([
    2,
    "deputy: No channel is configured: set DEPUTY_NTFY_TOPIC, or what another one of docs/phone.md needs, and restart the daemon.\n",
  ]);
});

test("the first start with a topic says how to subscribe, once", async () => {
  const home = await mkdtemp(join(tmpdir(), "deputy-first-"));
  try {
    const env = { DEPUTY_HOME: home };
    expect(findSubscription(env)).toBeNull();
    const first = findSubscription({ ...env, DEPUTY_NTFY_TOPIC: "my-secret-topic" });
    expect(first).toContain("my-secret-topic on https://ntfy.sh");
    expect(first).toMatch(/[█▀▄ ]{25,}\n[█▀▄ ]{25,}\n/);
    await writeFile(join(home, "push-key"), "made at the first start");
    expect(findSubscription({ ...env, DEPUTY_NTFY_TOPIC: "my-secret-topic" })).toBeNull();
  } finally {
    await rm(home, { recursive: true });
  }
});
