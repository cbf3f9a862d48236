import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";

/** Programs with logins of their own run into the limits of their accounts, and say so in their ways. */
const { deputy, repository, scratch } = withDeputy({
  files: { "README.md": "# Here\n" },
  env: ({ scratch }) => ({
    HOME: scratch.at("user"),
    PATH: `${scratch.at("bin")}:${process.env.PATH}`,
    TZ: "America/New_York",
  }),
  start: false,
});

/** Says what is written down for its task, by a word of the goal; a second time for the same, done. */
const program = (done: string) => `#!/bin/sh
case " $* " in *" --input-format "*) brief=$(head -n 1) ;; *) brief=$(cat) ;; esac
name=$(printf %s "$brief" | grep -o 'CASE-[a-z0-9]*' | head -n 1)
case " $* " in *resume*|*--session*) name=\${name:-CASE-again} ;; esac
if [ ! -e ${scratch.path}/$name ]; then
  echo done > done.txt; cat ${scratch.path}/${done}; exit 0
fi
cat ${scratch.path}/$name
exit 1
`;

const session_id = "8c07ad70-06e3-4e2a-9d99-8ce777772bb1";
const lines = (...all: object[]) => `${all.map((line) => JSON.stringify(line)).join("\n")}\n`;
const init = { type: "system", subtype: "init", session_id };
const claudeSays = (text: string, more: object = {}) => ({
  ...{ type: "result", subtype: "success", is_error: true, session_id, result: text },
  ...{ duration_api_ms: 1, modelUsage: {}, ...more },
});
const refused = (resetsAt: number, more: object = {}) => ({
  type: "rate_limit_event",
  session_id,
  rate_limit_info: { status: "rejected", resetsAt, rateLimitType: "five_hour", ...more },
});
const started = { type: "thread.started", thread_id: "019a3f1e-0000-7000-8000-000000000001" };
const codexFails = (message: string) => lines(started, { type: "turn.failed", error: { message } });

beforeAll(async () => {
  await mkdir(scratch.at("bin"));
  const tell = async (name: string, text: string) => {
    await writeFile(scratch.at(`bin/${name}`), text);
    await chmod(scratch.at(`bin/${name}`), 0o755);
  };
  // Work that merely speaks of limits is no limit.
  await scratch.write(
    "claude.done",
    lines(
      init,
      claudeSays("I wrote: You've hit your usage limit · resets 3pm. Rate limit 429.", {
        is_error: false,
      }),
    ),
  );
  await scratch.write(
    "codex.done",
    lines(
      started,
      { type: "item.completed", item: { type: "agent_message", text: "usage limit reached" } },
      { type: "turn.completed", usage: {} },
    ),
  );
  await tell("claude", program("claude.done"));
  await tell("codex", program("codex.done"));
  const soon = Math.round(Date.now() / 1_000) + 86_400;
  const jwt = `h.${Buffer.from(JSON.stringify({ exp: soon })).toString("base64url")}.s`;
  const logins = {
    ".claude/.credentials.json": {
      claudeAiOauth: { accessToken: "a", refreshToken: "r", expiresAt: soon * 1_000 },
    },
    ".codex/auth.json": {
      OPENAI_API_KEY: null,
      tokens: { id_token: "i", access_token: jwt, refresh_token: "r", account_id: "a" },
    },
  };
  for (const [path, login] of Object.entries(logins)) {
    await mkdir(dirname(scratch.at(`user/${path}`)), { recursive: true });
    await writeFile(scratch.at(`user/${path}`), JSON.stringify(login));
  }
  await deputy.start();
});

async function submit(name: string, agent: string, output: string): Promise<string> {
  await scratch.write(`CASE-${name}`, output);
  const goal = `CASE-${name}`;
  return (await deputy.api("POST", "/v1/tasks", { goal, repository: repository.path, agent })).body
    .id;
}

/** What recovery decided of the first attempt, and what the task waits for then. */
async function waitsFor(id: string): Promise<{ decided: string; why: Json }> {
  const { message } = await deputy.untilEvent(id, ({ type }) => type === "recovery.decided");
  const { body } = await deputy.api("GET", `/v1/tasks/${id}/why`);
  return { decided: message, why: body.subtasks[0] };
}

const hourMs = 3_600_000;
const clock = (at: Date, timeZone: string, more: Intl.DateTimeFormatOptions = {}) =>
  at.toLocaleString("en-US", { timeZone, hour: "numeric", minute: "2-digit", ...more });
const inHours = (hours: number) =>
  new Date(Math.floor((Date.now() + hours * hourMs) / 60_000) * 60_000);
const compact = (time: string) => time.replace(/\s/g, "").toLowerCase();

const cases: [string, string, (at: Date) => string, number][] = [
  [
    "its own event, and not its words",
    "claude",
    (at) =>
      lines(
        init,
        refused(at.getTime() / 1_000),
        claudeSays("You've hit your session limit · resets 3:10am (Asia/Seoul)"),
      ),
    5,
  ],
  [
    "a clock in a zone",
    "claude",
    (at) =>
      lines(
        init,
        claudeSays(
          `You've hit your session limit · resets ${compact(clock(at, "Asia/Seoul"))} (Asia/Seoul)`,
        ),
      ),
    23,
  ],
  [
    "a date and a clock in a zone",
    "claude",
    (at) => {
      const day = at.toLocaleString("en-US", {
        ...{ timeZone: "Europe/Berlin", month: "short", day: "numeric" },
      });
      const time = compact(clock(at, "Europe/Berlin"));
      return lines(
        init,
        claudeSays(`You've hit your weekly limit · resets ${day}, ${time} (Europe/Berlin)`),
      );
    },
    100,
  ],
  [
    "a clock without a zone",
    "codex",
    (at) =>
      codexFails(
        `You've hit your usage limit. Upgrade to Pro, visit the settings to purchase more credits or try again at ${clock(at, "America/New_York")}.`,
      ),
    2,
  ],
  [
    "a span",
    "codex",
    () => codexFails("You've hit your usage limit. Try again in 3 days 2 hours 5 minutes."),
    74 + 5 / 60,
  ],
];

test.each(cases)("a usage limit is waited for to its end: %s", async (name, agent, say, hours) => {
  const at = inHours(hours);
  const id = await submit(name.replace(/[^a-z]/g, ""), agent, say(at));
  const { decided, why } = await waitsFor(id);
  expect(decided).toContain("not counted as an attempt");
  expect(why.waiting_for).toContain("a usage limit: again after");
  const lateMs = Date.parse(why.next_at) - at.getTime();
  expect(lateMs).toBeGreaterThanOrEqual(-1_000);
  expect(lateMs).toBeLessThan(120_000);
  const { stdout } = await deputy.cli(["why", id]);
  expect(stdout).toContain("a usage limit");
});

test("a limit that says no time is waited for long, a busy server is asked again soon", async () => {
  const [limited, busy] = await Promise.all([
    submit("notime", "codex", codexFails("You've hit your usage limit. Try again later.")),
    submit("busy", "claude", lines(init, claudeSays("API Error: 529 Overloaded"))),
  ]);
  const waits = await Promise.all([waitsFor(limited), waitsFor(busy)]);
  const aheadMs = waits.map(({ why }) => Date.parse(why.next_at ?? new Date()) - Date.now());
  expect(aheadMs[0]).toBeGreaterThan(0.9 * hourMs);
  expect(aheadMs[1]).toBeLessThan(60_000);
});

const limitOf = async (agent: string): Promise<Json> => {
  const { body } = await deputy.api("GET", "/v1/agents");
  return body.agents.find(({ name }: Json) => name === agent).limit;
};

test("of each agent the limit that ends last is told, with how much waits for it", async () => {
  const [claude, codex] = await Promise.all([limitOf("claude"), limitOf("codex")]);
  expect(claude).toMatchObject({ reason: expect.stringContaining("weekly limit"), waiting: 3 });
  expect(Date.parse(claude.resets_at)).toBeGreaterThan(Date.now() + 99 * hourMs);
  expect(codex).toMatchObject({ reason: expect.stringContaining("3 days 2 hours"), waiting: 3 });
  const { stdout } = await deputy.cli(["agents"]);
  expect(stdout).toContain(
    `claude is at its provider's limit (ends ${claude.resets_at}; 3 wait): `,
  );
  expect(stdout).toMatch(/^daemon {3}\S+:\d+ .* \d\/\d+ /m);
});

test("an account without credit waits for its person", async () => {
  const id = await submit("credit", "claude", lines(init, claudeSays("Credit balance is too low")));
  const asked = await deputy.untilEvent(id, ({ type }) => type === "question.asked");
  expect(asked.message).toContain("has no credit left (Credit balance is too low)");
  await scratch.forget("CASE-credit");
  await deputy.api("POST", `/v1/tasks/${id}/answer`, { answer: "yes" });
  expect((await deputy.untilOver(id)).state).toBe("completed");
  // It works again, whatever time it named before.
  expect([await limitOf("claude"), (await limitOf("codex")).waiting]).toEqual([null, 3]);
});

test("a review waits for its reviewer as long as an attempt waits for its agent", async () => {
  await writeFile(`${deputy.home}/config.yaml`, "roles:\n  reviewer: { agent: claude }\n");
  await deputy.stop();
  await deputy.start();
  const limited = lines(init, claudeSays("Sitzungslimit erreicht"));
  await scratch.write("CASE-review", limited);
  await scratch.write("CASE-again", limited);
  const { body } = await deputy.api("POST", "/v1/tasks", {
    ...{ goal: "CASE-review", repository: repository.path, assurance: "standard" },
    agent: "command:echo reviewed > reviewed.txt",
    checks: ["test -e reviewed.txt"],
  });
  const parked = (waits: number) =>
    deputy.untilEvent(body.id, ({ type, seq }) => type === "stage.parked" && seq > waits);
  const first = await parked(0);
  expect(first.message).toContain("a reviewer was held up");
  expect(await limitOf("claude")).toMatchObject({
    ...{ reason: expect.stringContaining("a reviewer was held up"), resets_at: null, waiting: 1 },
  });
  const waitOnce = async (before: number) => {
    await deputy.database?.query(
      `update subtasks set postponed = ${before} where task_id = '${body.id}'`,
    );
    // Who pauses and resumes it has it tried at once.
    for (const verb of ["pause", "resume"])
      expect((await deputy.api("POST", `/v1/tasks/${body.id}/${verb}`)).status).toBe(200);
  };
  await waitOnce(39);
  await parked(first.seq);
  await waitOnce(40);
  const task = await deputy.untilOver(body.id);
  expect(task.state, task.end_detail).toBe("completed");
  const { stdout } = await deputy.cli(["receipt", body.id]);
  expect(stdout).toContain("The review by `claude` was not done");
  await scratch.forget("CASE-again");
});

test("when it ends the work goes on in its session; what only speaks of limits is work", async () => {
  const resetsAt = Math.round(Date.now() / 1_000) + 2;
  const id = await submit("short", "claude", lines(init, refused(resetsAt), claudeSays("limit")));
  await waitsFor(id);
  await scratch.forget("CASE-short");
  const other = await submit("other", "codex", "");
  await scratch.forget("CASE-other");
  for (const each of [id, other]) {
    const task = await deputy.untilOver(each);
    expect(task.state, task.end_detail).toBe("completed");
  }
  const { attempts }: Json = (await deputy.api("GET", `/v1/tasks/${id}`)).body;
  expect(attempts).toHaveLength(2);
  expect(attempts[1].end_reason).toBe("done");
});
