import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Json, makeDeputy } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { answer, makeReviewing, type Reviewing } from "../support/reviewing.ts";

/**
 * Work that edits what judges it is asked about, and not failed: the goal, a flag, a plan, a reviewer or
 * a person accepts the files. `render` is to greet with an exclamation mark; `show.json` is its snapshot.
 */

const files = {
  ".deputy/config.yaml": "checks: [node --test test]\nprotected: [vendor/**]\n",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of the repository's own
  "render.js": "export const render = (name) => `Hello ${name}`;\n",
  "test/show.json": '"Hello Ada"\n',
  "vendor/lib.js": "export const lib = 1;\n",
  "test/render.test.js": `import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { render } from "../render.js";

test("shows", () => {
  const shown = JSON.parse(readFileSync(new URL("show.json", import.meta.url), "utf8"));
  assert.equal(render("Ada"), shown);
});
test("is a text", () => {
  assert.equal(typeof render("Ada"), "string");
});
`,
};
const work = `sed -i 's/}\`/}!\`/' render.js && echo '"Hello Ada!"' > test/show.json`;
const weaken = `sed -i '/equal(typeof/d' test/render.test.js && echo '// tidy' >> render.js`;

const { deputy, repository, scratch, submit, receiptOf } = withDeputy({ files });

const ask = (goal: string, agent: string, more: Record<string, unknown> = {}) =>
  submit({ goal, agent: `command:${agent}`, ...more });

async function evidence(id: string) {
  const task = await deputy.untilOver(id);
  const receipt = await receiptOf(id);
  const page = (await deputy.cli(["receipt", id])).stdout;
  return { task, receipt, page };
}

/** Its how-manieth question about judges, once it is asked. */
async function asked(id: string, number = 1): Promise<{ id: string; text: string }> {
  let seen = 0;
  const { data } = await deputy.untilEvent(
    id,
    ({ type }) => type === "question.asked" && ++seen === number,
  );
  return { id: data.question_id, text: data.question };
}

const say = (id: string, text: string, ...more: string[]) =>
  deputy.cli(["answer", id, text, ...more]);
const shownIn = (task: Json) => repository.git("show", `${task.branch}:test/show.json`);

/** `$N` is the how-manieth call of this agent. */
function agentOf(name: string, script: string) {
  return scratch.agent(
    `${name}.sh`,
    `N=1; while ! mkdir "${scratch.path}/${name}.$N" 2>/dev/null; do N=$((N + 1)); done
cp "$DEPUTY_BRIEF_FILE" "${scratch.path}/${name}.$N/brief"
${script}`,
  );
}

describe.concurrent("accepted beforehand", () => {
  test("a snapshot that the goal names is delivered, and looked at", async () => {
    const goal = "Greet with an exclamation mark, and update test/show.json.";
    const { task, receipt, page } = await evidence(await ask(goal, work));
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.attempts).toHaveLength(1);
    expect(receipt).toMatchObject({ verified: true, judges: [{ path: "test/show.json" }] });
    expect(receipt.judges[0].accepted).toMatchObject({ by: "goal", evidence: goal });
    expect(receipt.headline).toMatch(/^Verified, but its judges changed: look at test\/show\.json/);
    expect(page).toContain(`**${receipt.headline}**`);
    expect(task.end_detail).toContain("verified, but its judges changed");
    expect(shownIn(task)).toContain("Ada!");
    const page2 = (await deputy.cli(["show", task.id])).stdout;
    expect(page2).toContain("Verified, but its judges changed: look at test/show.json");
  });

  test.each([
    ["--allow test/*.json", { allow: ["test/*.json"] }, "flag"],
    ["--allow-test-changes", { allow_test_changes: true }, "flag"],
    [
      "writes: test/show.json",
      { plan: { subtasks: [{ id: "a", title: "Greet", writes: ["test/show.json"] }] } },
      "plan",
    ],
  ])("by %s", async (words, more, by) => {
    const { task, receipt } = await evidence(await ask("Greet louder", work, more));
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.attempts).toHaveLength(1);
    expect(receipt.judges[0].accepted).toEqual({ by, evidence: words });
  });
});

describe.concurrent("held with one question", () => {
  test("accepted by a person, it is delivered in the same attempt", async () => {
    const id = await ask("Greet louder", work);
    const { text } = await asked(id);
    expect(text).toMatch(/- test\/show\.json \(modified; .*\)/);
    expect(text).toContain('"without"');
    const shown = (await deputy.cli(["show", id])).stdout;
    expect(shown).toContain("test/show.json");
    expect((await say(id, "accept")).code).toBe(0);
    const { task, receipt, page } = await evidence(id);
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.attempts).toHaveLength(1);
    expect(receipt.judges[0].accepted).toEqual({ by: "person", evidence: "accept" });
    expect(page).toMatch(/test\/show\.json.*accepted by a person/i);
    expect(shownIn(task)).toContain("Ada!");
  });

  test("what passes without it is delivered without it", async () => {
    const id = await ask(
      "Say what the program is",
      `echo '// it greets' >> render.js; echo '// mine' >> vendor/lib.js`,
    );
    await asked(id);
    await say(id, "without");
    const { task, receipt } = await evidence(id);
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.attempts).toHaveLength(1);
    expect(receipt.headline).toBe("Verified");
    expect(receipt.delivery.files).toEqual(["render.js"]);
  });

  test("what does not pass without it is asked about again, and can be taken after all", async () => {
    const id = await ask("Greet louder", work);
    await asked(id);
    await say(id, "Deliver without them.");
    const again = await asked(id, 2);
    expect(again.text).toMatch(/Without the change to 1 file[\s\S]*- test\/show\.json/);
    // "accept" was an answer to the first one, too.
    expect((await say(id, "accept")).code).toBe(2);
    expect((await say(id, "accept", "--question", again.id)).code).toBe(0);
    const { task, receipt } = await evidence(id);
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.attempts).toHaveLength(1);
    expect(shownIn(task)).toContain("Ada!");
  });

  test("sent back, the agent has the words, and no attempt is spent", async () => {
    const agent = await agentOf(
      "sent-back",
      `if [ $N = 1 ]; then ${work}; else git checkout -q test/show.json render.js 2>/dev/null; echo '// louder' >> render.js; fi`,
    );
    const id = await ask("Greet louder", agent.slice("command:".length));
    await asked(id);
    await say(id, "Leave show.json as it is, and only note it in render.js");
    const { task, receipt } = await evidence(id);
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.attempts).toHaveLength(2);
    expect(receipt.attempts[0].recovery).toMatchObject({
      action: "ask",
      failure: "judges_changed",
    });
    expect(receipt.headline).toBe("Verified");
    expect(await scratch.read("sent-back.2/brief")).toContain("Leave show.json as it is");
  });

  test("what is weaker goes back once, in words, and is asked about then", async () => {
    const agent = await agentOf("weaker", weaken);
    const id = await ask("Tidy up", agent.slice("command:".length));
    const { text } = await asked(id);
    expect(text).toMatch(/test\/render\.test\.js \(modified; .*weaker: /);
    const brief = await scratch.read("weaker.2/brief");
    expect(brief).toMatch(/makes weaker what judges it[\s\S]*test\/render\.test\.js/);
    await say(id, "accept");
    const { task, receipt } = await evidence(id);
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.attempts.map(({ recovery }: Json) => recovery?.failure ?? null)).toEqual([
      "tests_weakened",
      "tests_weakened",
    ]);
  });

  test("it can be paused, resumed, told something and cancelled while it is held", async () => {
    const id = await ask("Greet louder", work);
    await asked(id);
    expect((await deputy.cli(["pause", id])).code).toBe(0);
    expect((await deputy.cli(["resume", id])).code).toBe(0);
    expect((await deputy.cli(["say", id, "Be quick"])).code).toBe(0);
    expect((await deputy.cli(["cancel", id])).code).toBe(0);
    expect((await deputy.untilOver(id)).state).toBe("cancelled");
  });
});

test("killed while it is held, and while it is verified again: nothing is lost or asked twice", async () => {
  const own = await makeDeputy();
  try {
    await own.start();
    const body = { repository: repository.path, goal: "Greet louder", agent: `command:${work}` };
    const id = (await own.api("POST", "/v1/tasks", body)).body.id;
    await own.untilEvent(id, ({ type }) => type === "question.asked");
    await own.kill();
    await own.start();
    expect((await own.cli(["answer", id, "accept"])).code).toBe(0);
    await own.kill();
    await own.start();
    const task = await own.untilOver(id);
    expect(task.state, task.end_detail).toBe("completed");
    const receipt: Json = (await own.api("GET", `/v1/tasks/${id}/receipt`)).body;
    expect(receipt.attempts).toHaveLength(1);
    expect(receipt.judges[0].accepted.by).toBe("person");
    const events = await own.events(id);
    expect(events.filter(({ type }) => type === "question.asked")).toHaveLength(1);
  } finally {
    await own.close();
  }
});

describe("a reviewer", () => {
  let stage: Reviewing;
  beforeAll(async () => {
    stage = await makeReviewing();
  });
  afterAll(() => stage?.close());

  const play = (name: string, accepter: string, goal: string) =>
    stage.submit(name, {
      coder: work,
      reviewer: answer({ summary: "fine", findings: [], fine: [] }),
      accepter,
      task: { repository: repository.path, goal: `Scene ${name}\n${goal}`, checks: [] },
    });
  const says = (quote: string, asked_for = true) =>
    answer({ files: [{ path: "test/show.json", asked_for, quote }] });

  test("accepts by quoting the goal, and is told nothing else", async () => {
    const id = await play(
      "quoted",
      says("everything that\nis shown changes with it"),
      "Greet with an exclamation mark: everything that is shown changes with it.",
    );
    await stage.deputy.untilOver(id);
    const { task, receipt } = await stage.read(id);
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.judges[0].accepted).toEqual({
      by: "reviewer",
      evidence: "everything that is shown changes with it",
    });
    const brief = await stage.brief("quoted", "accepter", 1);
    expect(brief).toContain('+"Hello Ada!"');
    expect(brief).not.toContain("+export const render");
    expect(stage.calls("quoted", "accepter")).toBe(1);
  });

  test.each([
    ["made-up", says("update the snapshot of the greeting")],
    ["says-no", says("everything that is shown", false)],
    ["no-answer", "exit 1"],
  ])("accepts nothing when it is %s: a person is asked", async (name, accepter) => {
    const id = await play(name, accepter, "Greet louder: everything that is shown changes.");
    await stage.deputy.untilEvent(id, ({ type }) => type === "question.asked");
    await stage.deputy.cli(["answer", id, "accept"]);
    await stage.deputy.untilOver(id);
    const { task, receipt } = await stage.read(id);
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.judges[0].accepted.by).toBe("person");
    expect(stage.calls(name, "accepter")).toBe(1);
  });
});
