import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { type Ntfy, type NtfyMessage, startNtfy } from "../support/ntfy.ts";

/** A person presses a button of a push, and the daemon does it: once, whatever dies when. */
let ntfy: Ntfy;
beforeAll(async () => {
  ntfy = await startNtfy();
});
afterAll(() => ntfy?.close());

const { deputy, scratch, submit } = withDeputy({
  files: { "README.md": "# Here\n" },
  env: () => ntfy.env,
  config: "notify:\n  channels:\n    ntfy: { privacy: full }\n",
  keepLog: true,
});

/** A task that fails until its sign is there, and its push. */
async function failing(
  name: string,
): Promise<{ id: string; push: NtfyMessage; cure: () => Promise<void> }> {
  const sign = scratch.at(name);
  const id = await submit({
    goal: name,
    agent: `command:test -e ${sign} && echo right > word.txt`,
  });
  await deputy.untilOver(id);
  const push = await ntfy.card(({ title }) => title === `Failed: ${name}`);
  return { id, push, cure: () => writeFile(sign, "") };
}
const retries = async (id: string) =>
  (await deputy.events(id)).filter(({ type }) => type === "task.retried").length;
const untilAnswered = (push: NtfyMessage, title: string) =>
  ntfy.card((card) => card.sequence_id === push.sequence_id && card.title === title);

test("retry in a push retries; pressed again, it says what happened", async () => {
  const { cure, id, push } = await failing("Once");
  await cure();
  expect(push.actions).toHaveLength(1);
  const [button] = push.actions ?? [];
  const sent = JSON.parse(button?.body ?? "");
  expect(sent).toEqual({
    topic: expect.stringMatching(/^deputy-reply-[\w-]{22}$/),
    message: expect.stringMatching(/^v1\.[\w-]{12}\.0\.\d{10}\.[\w-]{27}$/),
  });
  expect(button).toMatchObject({
    action: "http",
    url: `${ntfy.url}/`,
    method: "POST",
    clear: true,
  });
  expect(Buffer.byteLength(JSON.stringify(push))).toBeLessThan(4_096);
  expect(await ntfy.press(push, "retry")).toBe(200);
  await untilAnswered(push, "Answered: retry");
  await deputy.untilEvent(id, ({ type }) => type === "task.completed");
  await ntfy.press(push, "retry");
  // Beside the task's card, which says what is true now.
  const again = await ntfy.card(({ title }) => title === "Nothing was changed");
  expect(again.message).toMatch(/^Already answered: retry, at .* by a button of a push\.$/);
  expect(await retries(id)).toBe(1);
});

test("a button that is pressed while the daemon is dead works once it is back", async () => {
  const { cure, id, push } = await failing("Dead");
  await cure();
  await deputy.kill();
  await ntfy.press(push, "retry");
  await deputy.start();
  await untilAnswered(push, "Answered: retry");
  await deputy.untilEvent(id, ({ type }) => type === "task.completed");
  expect(await retries(id)).toBe(1);
});

test.each(["claimed", "advanced"])(
  "killed when the answer is %s, it is given once",
  async (moment) => {
    const { cure, id, push } = await failing(`Killed-${moment}`);
    await cure();
    await deputy.stop();
    await deputy.start({ DEPUTY_FAULT: `press:${moment}` });
    await ntfy.press(push, "retry");
    expect(await deputy.ended()).toBe("SIGKILL");
    await deputy.start();
    await untilAnswered(push, "Answered: retry");
    await deputy.untilEvent(id, ({ type }) => type === "task.completed");
    expect(await retries(id)).toBe(1);
  },
);

test("a choice that an agent asks for is pressed, and reaches the agent in its words", async () => {
  const said = JSON.stringify({
    question: "Keep both?",
    options: ["Keep both", "Drop it", "Ask $(x)"],
  });
  const agent = (name: string) =>
    `command:if [ -n "$DEPUTY_ANSWER" ]; then printf %s "$DEPUTY_ANSWER" > ${name}; else echo '${said}'; fi`;
  const id = await submit({ goal: "Choose", agent: agent("chosen.txt") });
  const push = await ntfy.card(({ title }) => title === "Needs an answer: Choose");
  expect(push.message).toContain(
    `Answer 1: Keep both · 2: Drop it · 3: Ask $(x): deputy answer ${id} 1`,
  );
  expect(push.actions?.map(({ label }) => label)).toEqual(["Keep both", "Drop it", "Ask $(x)"]);
  const shown = (await deputy.cli(["show", id])).stdout;
  expect(shown).toContain("→ open\n      1: Keep both\n      2: Drop it\n      3: Ask $(x)");
  expect((await deputy.cli(["why", id])).stdout).toContain("(1: Keep both · 2: Drop it");
  const { items } = (await deputy.api("GET", "/v1/attention")).body as { items: Json[] };
  const item = items.find((one) => (one.task as Json | null)?.id === id);
  expect(item?.actions).toMatchObject([
    { label: "Keep both", risk: "low", command: `deputy answer ${id} 1` },
    {
      label: "Drop it",
      command: `deputy answer ${id} 2`,
      request: { body: { answer: "Drop it" } },
    },
    { label: "Ask $(x)", command: `deputy answer ${id} 3` },
    { label: "answer in words", command: `deputy answer ${id} "…"` },
  ]);
  await ntfy.press(push, "Drop it");
  await deputy.untilEvent(id, ({ type }) => type === "task.completed");
  const diff = await deputy.api("GET", `/v1/tasks/${id}/diff`);
  expect(diff.body).toContain("+Drop it");

  const other = await submit({ goal: "By number", agent: agent("number.txt") });
  await deputy.untilEvent(other, ({ type }) => type === "question.asked");
  const answered = await deputy.cli(["answer", other, "3"]);
  expect(answered.stdout).toContain("  | 3: Ask $(x)");
  await deputy.untilEvent(other, ({ type }) => type === "task.completed");
  expect((await deputy.api("GET", `/v1/tasks/${other}/diff`)).body).toContain("+Ask $(x)");
});

test("junk in the reply topic is dropped, and an answer among it counts", async () => {
  const { cure, id, push } = await failing("Flood");
  await cure();
  const topic = await ntfy.replyTopic();
  const capability: string = JSON.parse(push.actions?.[0]?.body ?? "{}").message;
  const junk = [
    "yes",
    "",
    "x".repeat(4_000),
    capability.slice(0, -1),
    `${capability}.`,
    "v1.a.b.c.d",
  ];
  for (let round = 0; round < 50; round++)
    await Promise.all(junk.map((message) => ntfy.publish({ topic, message })));
  await ntfy.press(push, "retry");
  await untilAnswered(push, "Answered: retry");
  await deputy.untilEvent(id, ({ type }) => type === "task.completed");
  const metrics = (await deputy.api("GET", "/metrics")).body as string;
  const dropped = /deputy_push_replies\{result="dropped"\} (\d+)/.exec(metrics)?.[1];
  expect(Number(dropped)).toBeGreaterThanOrEqual(junk.length * 50);
  expect(await retries(id)).toBe(1);
});

test("what anybody may learn tells neither the topics nor the key", async () => {
  const { readFile, stat } = await import("node:fs/promises");
  const log = await readFile(`${deputy.home}/daemon.log`, "utf8");
  const topic = await ntfy.replyTopic();
  expect(log).not.toContain(topic);
  expect((await stat(`${deputy.home}/push-key`)).mode & 0o777).toBe(0o600);
  for (const { path } of ntfy.requests.filter(({ method }) => method === "POST"))
    expect(path).toBe("/");
});
