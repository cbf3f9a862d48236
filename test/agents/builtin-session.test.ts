import { readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Session } from "../../src/agents/agent.ts";
import type { Turn } from "../support/model-server/scenario.ts";
import { makeRun, makeSession, type TestRun } from "./make-run.ts";
import { bash, finish, lastBody, play, serve, wires } from "./play.ts";

type Stored = { role: string; text: string; toolCalls?: { name: string }[] };

/** A memory that also remembers in which portions it was told, and where files were kept. */
function watchSession(): Session & { log: string[] } {
  const entries: Stored[] = [];
  const log: string[] = [];
  return {
    ...makeSession(entries),
    append: async (added, options) => {
      entries.push(...(added as Stored[]));
      const roles = (added as Stored[]).map(({ role }) => role).join(" ");
      log.push(options?.checkpoint ? `${roles} with files` : roles);
    },
    log,
  };
}

/** The same run again, as after a restart: another object with the same memory and folders. */
async function restart(run: TestRun, entries: readonly unknown[], brief = ""): Promise<TestRun> {
  const { worktree, scratch } = run;
  return makeRun({ worktree, scratch, brief, session: makeSession([...entries]) });
}

describe("what is stored, and when", () => {
  test("each reply before its tools, each result before the next call, files with what may change them", async () => {
    const server = await serve([
      { calls: [{ tool: "read", args: { path: "." } }, ...(bash("true").calls ?? [])] },
      finish,
    ]);
    const session = watchSession();
    await play(server, {}, await makeRun({ session }));
    expect(session.log).toEqual([
      "system user",
      "assistant",
      "tool",
      "tool with files",
      "assistant",
      "tool",
    ]);
  });

  test("a memory that cannot be written ends the run with its own error", async () => {
    const session: Session = {
      ...makeSession(),
      append: async () => {
        throw new Error("the database is gone");
      },
    };
    const run = await makeRun({ session });
    await expect(play(await serve([finish]), {}, run)).rejects.toThrow("the database is gone");
  });
});

describe.each(wires)("going on after a stop, over %s", (wire) => {
  const script = [bash("echo 1 >> ran"), bash("echo 2 >> ran"), bash("echo 3 >> ran"), finish];

  test.each([0, 2, 3, 4, 5, 6, 7, 8, 9])("after %i stored entries", async (stored) => {
    const whole = await play(await serve(script), { wire });
    expect(whole.run.session.entries).toHaveLength(10);
    const server = await serve(script);
    const again = await restart(
      whole.run,
      whole.run.session.entries.slice(0, stored),
      stored === 0 ? "Do it." : "",
    );
    await writeFile(join(again.worktree, "ran"), "");
    const { end } = await play(server, { wire }, again);
    expect(end.reason).toBe("done");
    // Nothing that was called before the stop is called again by us.
    const ran = await readFile(join(again.worktree, "ran"), "utf8");
    const called = (again.session.entries as Stored[])
      .slice(stored)
      .filter(({ toolCalls }) => toolCalls?.[0]?.name === "bash").length;
    expect(ran.split("\n").length - 1).toBe(called);
    // The server refuses a transcript with a call that has no result.
    expect(server.requests.every(({ status }) => status === 200)).toBe(true);
  });

  test("finished before it was cut off: it ends as it did, and nobody is paid again", async () => {
    const report = { tool: "report", args: { discoveries: ["It is slow."] } };
    const work = [bash("echo 1 >> ran"), { calls: [report] }, finish];
    const whole = await play(await serve(work), { wire });
    const { entries } = whole.run.session;
    for (const stored of [entries.length, entries.length - 1]) {
      const server = await serve([]);
      const run = { ...(await restart(whole.run, entries.slice(0, stored))), isCutOff: true };
      const { end } = await play(server, { wire }, run);
      expect(server.requests).toEqual([]);
      expect(end).toMatchObject({ reason: "done", summary: whole.end.summary });
      expect(end.discoveries).toEqual(["It is slow."]);
      expect(run.session.entries).toHaveLength(entries.length);
    }
    // Where something was asked of it since, it goes on.
    const server = await serve([finish]);
    await play(server, { wire }, await restart(whole.run, entries, "Shorter."));
    expect(server.requests).toHaveLength(1);
  });

  test("a call of unknown result is said to be one; what only reads is run again", async () => {
    const entries = [
      { role: "system", text: "You are." },
      { role: "user", text: "Do it." },
      {
        role: "assistant",
        text: "",
        toolCalls: [
          { id: "call_1", name: "bash", arguments: '{"command": "deploy"}' },
          { id: "call_2", name: "read", arguments: '{"path": "."}' },
          { id: "call_3", name: "report", arguments: '{"discoveries": ["Slow."]}' },
        ],
      },
    ];
    const run = await restart(await makeRun(), entries);
    await writeFile(join(run.worktree, "there.txt"), "");
    const server = await serve([{}, finish]);
    await play(server, { wire }, run);
    const [first, second, third] = (run.session.entries as Stored[]).slice(3);
    expect(first?.text).toMatch(
      /^Unknown result: .* Look at the state of things before you repeat/,
    );
    expect(second?.text).toBe("there.txt");
    expect(third?.text).toContain("Call it again if it still holds");
    expect(lastBody(server)).toContain("Unknown result");
  });

  test("commands go on in the folder that they had come to", async () => {
    const server = await serve([bash("mkdir -p a/b && cd a/b"), bash("pwd"), finish]);
    const whole = await play(server, { wire });
    const entries = whole.run.session.entries as Stored[];
    const pwdOf = (stored: readonly unknown[]) =>
      (stored as Stored[]).find(({ role, text }) => role === "tool" && text.endsWith("/a/b"))?.text;
    expect(pwdOf(entries)).toBeDefined();
    // With the folder's command answered, and with the call after it in flight.
    for (const stored of [4, 5]) {
      const again = await restart(whole.run, entries.slice(0, stored), "Go on.");
      await play(await serve([{}, bash("pwd"), bash("pwd"), finish]), { wire }, again);
      expect(pwdOf(again.session.entries)).toBe(pwdOf(entries));
    }
    await rm(join(whole.run.worktree, "a"), { recursive: true });
    await symlink("/tmp", join(whole.run.worktree, "a"));
    const again = await restart(whole.run, entries.slice(0, 4));
    await play(await serve([{}, bash("pwd"), finish]), { wire }, again);
    expect((again.session.entries as Stored[])[5]?.text).toContain(
      "this ran in the worktree's root",
    );
  });

  test("an answer, or feedback, is told to the same conversation", async () => {
    const question: Turn = { calls: [{ tool: "ask", args: { question: "Which one?" } }] };
    const server = await serve([question, finish]);
    const asked = await play(server, { wire });
    expect(asked.end).toMatchObject({ reason: "needs_input", question: "Which one?" });
    expect(asked.run.events).toContainEqual({ kind: "question", text: "Which one?" });
    const run = await restart(asked.run, [...asked.run.session.entries], "The second one.");
    const { end } = await play(server, { wire }, run);
    expect(end.reason).toBe("done");
    expect(lastBody(server)).toMatch(/Which one\?.*The second one\./);
  });
});

test("reports that nobody was told of before the stop are in the end, once", async () => {
  const report = (text: string): Turn => ({
    calls: [{ tool: "report", args: { discoveries: [text] } }],
  });
  const followUp: Turn = {
    calls: [
      {
        tool: "report",
        args: { follow_ups: [{ title: "More", brief: "Do more.", writes: ["a/**"] }] },
      },
    ],
  };
  const script = [report("Slow."), followUp, finish];
  const whole = await play(await serve(script));
  const expected = {
    discoveries: ["Slow."],
    followUps: [{ title: "More", brief: "Do more.", writes: ["a/**"] }],
  };
  expect(whole.end).toMatchObject(expected);
  const run = await restart(whole.run, whole.run.session.entries.slice(0, 4));
  expect((await play(await serve(script), {}, run)).end).toMatchObject(expected);
  // What an earlier end has told is not told again.
  const next = await restart(whole.run, [...whole.run.session.entries], "One thing more.");
  const { end } = await play(await serve([{}, {}, {}, finish]), {}, next);
  expect(end).toMatchObject({ reason: "done", discoveries: [], followUps: [] });
});

test("a memory that is no transcript of ours", async () => {
  const run = await makeRun({ session: makeSession([{ role: "robot", text: "?" }]) });
  const { end } = await play(await serve([finish]), {}, run);
  expect(end).toMatchObject({ reason: "gave_up", failure: "agent_failed" });
  expect(end.detail).toContain("the stored transcript cannot be read (entry 0.role");
});

describe("between turns", () => {
  test("what a person says is heard, in order", async () => {
    const said = [["Use tabs."], [], ["And one", "and another."]];
    const run = await makeRun({ takeMessages: async () => said.shift() ?? [] });
    const server = await serve([bash("true"), bash("echo"), finish]);
    await play(server, {}, run);
    const users = (run.session.entries as Stored[]).filter(({ role }) => role === "user");
    expect(users.map(({ text }) => text)).toEqual([
      "Do it.\n",
      "A person says:\n\nUse tabs.",
      "A person says:\n\nAnd one",
      "A person says:\n\nand another.",
    ]);
  });

  test("no call is made that the budget does not allow, not even the same one again", async () => {
    let left = 2;
    const run = await makeRun({
      meter: {
        limits: null,
        refuse: async () => (left-- > 0 ? null : "the budget of $2.00 is used up"),
        count: async () => {},
      },
    });
    const server = await serve([
      { ...bash("echo ran >> ran"), fault: { kind: "server_error" } },
      finish,
    ]);
    const { end } = await play(server, {}, run);
    expect(end).toMatchObject({
      reason: "out_of_budget",
      failure: "out_of_budget",
      detail: "the budget of $2.00 is used up",
    });
    expect(server.requests).toHaveLength(2);
    expect(await readFile(join(run.worktree, "ran"), "utf8")).toBe("ran\n");
  });

  test("the budget is asked only when the calls before are counted", async () => {
    const order: string[] = [];
    const run = await makeRun({
      meter: {
        limits: null,
        refuse: async () => {
          order.push("asked");
          return null;
        },
        count: async () => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          order.push("counted");
        },
      },
    });
    await play(await serve([{ calls: [{ tool: "read", args: { path: "." } }] }, finish]), {}, run);
    expect(order).toEqual(["asked", "counted", "asked", "counted"]);
  });
});
