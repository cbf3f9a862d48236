import { expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { makeRepository } from "../support/repository.ts";
import { waitFor } from "../support/scratch.ts";
import { until } from "../support/until.ts";

/** What a person can do with a task on its way: pause it, resume it, say something, comment on its result. */

const { deputy, repository, scratch, submit } = withDeputy({ files: { "README.md": "# Here\n" } });

test("a pause parks what runs, survives a restart, and ends with resume", async () => {
  const agent = await scratch.agent(
    "patient.sh",
    `echo begun >> ${scratch.at("begun")}
while ! test -e ${scratch.at("go")}; do sleep 0.05; done
echo done > done.txt`,
  );
  const id = await submit({ goal: "Be patient", agent });
  await scratch.until("begun");
  const paused = await deputy.cli(["pause", id]);
  expect(paused.code, paused.stderr).toBe(0);
  expect(paused.stdout).toContain("is paused; what it did so far is kept");
  await deputy.untilEvent(id, ({ type }) => type === "attempt.ended");
  const why = await deputy.cli(["why", id]);
  expect(why.stdout).toContain("a person, who paused it");
  expect(why.stdout).toContain(`deputy resume ${id}`);
  expect((await deputy.api("POST", `/v1/tasks/${id}/answer`, { answer: "hm" })).status).toBe(409);

  await scratch.write("go");
  await deputy.kill();
  await deputy.start();
  // Nothing of it may start: another task that is handed in later is through before it.
  const other = await deputy.run({
    repository: repository.path,
    goal: "Overtake",
    agent: "command:echo other > other.txt",
  });
  expect(other.state).toBe("completed");
  expect((await deputy.api("GET", `/v1/tasks/${id}`)).body.task.state).toBe("waiting");
  expect((await scratch.read("begun")).trim().split("\n")).toHaveLength(1);

  const resumed = await deputy.cli(["resume", id]);
  expect(resumed.code, resumed.stderr).toBe(0);
  const task = await deputy.untilOver(id);
  expect(task.state, task.end_detail).toBe("completed");
  const again = await deputy.cli(["resume", id]);
  expect(again.code).toBe(2);
  expect(again.stderr).toContain("is not paused; it is completed");
});

test("a task that is paused before it starts is planned only afterwards", async () => {
  const blocker = await submit({
    goal: "Hold the door",
    agent: await scratch.agent(
      "door.sh",
      `while ! test -e ${scratch.at("open")}; do sleep 0.05; done; echo > d.txt`,
    ),
  });
  const id = await submit({ goal: "Wait outside", agent: "command:echo in > in.txt" });
  expect((await deputy.api("POST", `/v1/tasks/${id}/pause`)).status).toBe(200);
  await scratch.write("open");
  expect((await deputy.untilOver(blocker)).state).toBe("completed");
  expect((await deputy.api("GET", `/v1/tasks/${id}`)).body.task.branch).toBeNull();
  expect((await deputy.api("POST", `/v1/tasks/${id}/resume`)).status).toBe(200);
  expect((await deputy.untilOver(id)).state).toBe("completed");
});

const look = async (id: string): Promise<Json> => (await deputy.api("GET", `/v1/tasks/${id}`)).body;

test.each(["resume", "answer"])(
  "paused while its last subtask is merged, it ends after %s",
  async (verb) => {
    const [merging, go] = [`merging-${verb}`, `go-${verb}`];
    // Both files are only in the merge of the second part into the first.
    const check = await scratch.write(
      `check-${verb}.sh`,
      `if [ -e one-${verb}.txt ] && [ -e two-${verb}.txt ]; then echo > ${scratch.at(merging)}; ${waitFor(scratch.at(go))}
else [ -e one-${verb}.txt ] || [ -e two-${verb}.txt ]; fi`,
    );
    const part = (name: string) => ({
      ...{ id: name, title: name, agent: `command:echo ${verb} > ${name}-${verb}.txt` },
    });
    const id = await submit({
      ...{ goal: `Write one-${verb}.txt and two-${verb}.txt`, checks: [`sh ${check}`] },
      plan: { subtasks: [part("one"), part("two")] },
    });
    await scratch.until(merging);
    const states = (await look(id)).subtasks.map(({ state }: Json) => state);
    expect(states.sort()).toEqual(["completed", "integrating"]);
    // Two at the same time are one pause.
    const pauses = await Promise.all([1, 2].map(() => deputy.api("POST", `/v1/tasks/${id}/pause`)));
    expect(pauses.map(({ status }) => status)).toEqual([200, 200]);
    await scratch.write(go);
    let completed = 0;
    await deputy.untilEvent(id, ({ type }) => type === "subtask.completed" && ++completed === 2);
    expect((await look(id)).task.state).toBe("waiting");
    if (verb === "answer") {
      const answered = await deputy.cli(["answer", id, "yes"]);
      expect(answered.code, answered.stderr).toBe(0);
    } else {
      // Of two at the same time one resumes it, and the other is told that it is not paused.
      const resumed = await Promise.all(
        [1, 2].map(() => deputy.api("POST", `/v1/tasks/${id}/resume`)),
      );
      expect(resumed.map(({ status }) => status).sort()).toEqual([200, 409]);
      expect(resumed.find(({ status }) => status === 409)?.body.detail).toContain("is not paused");
    }
    expect((await deputy.untilOver(id)).state).toBe("completed");
  },
);

test("what asks is answered while it is paused, and goes on once it is resumed", async () => {
  const agent = await scratch.agent(
    "asker.sh",
    `if [ -z "$DEPUTY_ANSWER" ]; then echo '{"question":"Which one?"}'; else echo "$DEPUTY_ANSWER" > chosen.txt; fi`,
  );
  const id = await submit({ goal: "Ask", agent });
  const asked = await deputy.untilEvent(id, ({ type }) => type === "question.asked");
  expect((await deputy.cli(["pause", id])).code).toBe(0);
  const answered = await deputy.cli(["answer", id, "the red one"]);
  expect(answered.code, answered.stderr).toBe(0);
  expect(answered.stdout).toContain(`${id} stays paused; it continues after: deputy resume ${id}.`);
  const held = async () => (await look(id)).subtasks[0];
  expect((await held()).state).toBe("ready");
  expect((await held()).hold.kind).toBe("question");
  // The second one to answer is told what the first one said.
  const second = await deputy.api("POST", `/v1/tasks/${id}/answer`, {
    answer: "the blue one",
    question_id: asked.data.question_id,
  });
  expect([second.status, second.body.detail]).toEqual([
    409,
    expect.stringMatching(/has no open question \S+; it was answered at \S+: "the red one"\.$/),
  ]);
  expect((await deputy.cli(["resume", id])).code).toBe(0);
  const task = await deputy.untilOver(id);
  expect(task.state, task.end_detail).toBe("completed");
  expect(repository.git("show", `${task.branch}:chosen.txt`)).toBe("the red one");
});

test("a task that is being cancelled is not paused any more", async () => {
  const agent = await scratch.agent(
    "stubborn.sh",
    `trap '' TERM; echo > ${scratch.at("stubborn")}; ${waitFor(scratch.at("never"))}`,
  );
  const id = await submit({ goal: "Stay", agent });
  await scratch.until("stubborn");
  expect((await deputy.api("POST", `/v1/tasks/${id}/pause`)).status).toBe(200);
  expect((await deputy.api("POST", `/v1/tasks/${id}/cancel`)).status).toBe(202);
  const late = await deputy.api("POST", `/v1/tasks/${id}/pause`);
  expect(late.status).toBe(409);
  expect(late.body.detail).toMatch(/is being cancelled|is cancelled/);
  expect((await deputy.untilOver(id)).state).toBe("cancelled");
});

test("what is said to a running program is in its file, and the answer says that it has to look", async () => {
  const agent = await scratch.agent(
    "listener.sh",
    `echo > ${scratch.at("listening")}
while ! grep -q "the old names" "$DEPUTY_SAID_FILE"; do sleep 0.05; done
cat "$DEPUTY_SAID_FILE" > said.txt`,
  );
  const id = await submit({ goal: "Listen", agent });
  await scratch.until("listening");
  const said = await deputy.cli(["say", id, "Keep the old names"]);
  expect(said.code, said.stderr).toBe(0);
  expect(said.stdout).toMatch(
    /^task_\w+: "\S+" finds it in the file that DEPUTY_SAID_FILE names; if it does not/,
  );
  const task = await deputy.untilOver(id);
  expect(task.state, task.end_detail).toBe("completed");
  expect(repository.git("show", `${task.branch}:said.txt`)).toBe('{"text":"Keep the old names"}');
});

test("a comment on what was delivered is worked on, on top of it", async () => {
  const agent = await scratch.agent(
    "editor.sh",
    `cp "$DEPUTY_BRIEF_FILE" ${scratch.at("brief-$DEPUTY_ATTEMPT")}
if grep -q "say it in English" "$DEPUTY_BRIEF_FILE"; then sed -i s/Hallo/Hello/ greeting.txt; else echo Hallo > greeting.txt; fi`,
  );
  const first = await deputy.run({ repository: repository.path, goal: "Greet people", agent });
  expect(first.state, first.end_detail).toBe("completed");
  const wrong = await deputy.cli(["comment", first.id, "nowhere.txt:1", "What is this?"]);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain("did not change nowhere.txt; it changed greeting.txt.");
  const bad = await deputy.cli(["comment", first.id, "greeting.txt", "No line"]);
  expect(bad.stderr).toContain('must be a file and a line, like "src/app.ts:12"');
  const beyond = await deputy.cli(["comment", first.id, "greeting.txt:1-7", "Where?"]);
  expect([beyond.code, beyond.stderr]).toEqual([
    2,
    `deputy: greeting.txt has 1 line in the change of ${first.id}; greeting.txt:1-7 is beyond its end.\n`,
  ]);

  const { code, stdout, stderr } = await deputy.cli([
    "comment",
    first.id,
    "greeting.txt:1",
    "Please say it in English",
  ]);
  expect(code, stderr).toBe(0);
  expect(stdout).toContain("works on your comment in its next attempt");
  const events = await deputy.untilEvent(
    first.id,
    ({ type, seq }) => type === "task.completed" && seq > 0,
  );
  expect(events.type).toBe("task.completed");
  const task = await deputy.untilOver(first.id);
  expect(task.branch).toBe(first.branch);
  expect(repository.git("show", `${task.branch}:greeting.txt`)).toBe("Hello");
  expect(
    repository.git("rev-list", "--count", `${first.delivered_commit}..${task.delivered_commit}`),
  ).not.toBe("0");
  const brief = await scratch.read("brief-2");
  expect(brief).toContain("greeting.txt:1");
  expect(brief).toContain("+Hallo");
  const receipt: Json = (await deputy.api("GET", `/v1/tasks/${first.id}/receipt`)).body;
  expect(receipt.attempts).toHaveLength(2);

  await deputy.cli(["accept", first.id]);
  const late = await deputy.cli(["comment", first.id, "greeting.txt:1", "One more thing"]);
  expect(late.code).toBe(2);
  expect(late.stderr).toContain("is accepted already; submit a new task");
});

test("comments that come one after the other are all worked on, and said what became of", async () => {
  const agent = await scratch.agent(
    "slow.sh",
    `cp "$DEPUTY_BRIEF_FILE" ${scratch.at("told-$DEPUTY_ATTEMPT")}
if [ "$DEPUTY_ATTEMPT" -ge 2 ]; then ${waitFor(scratch.at("go-$DEPUTY_ATTEMPT"))}; fi
echo "$DEPUTY_ATTEMPT" >> words.txt`,
  );
  const { id } = await deputy.run({ repository: repository.path, goal: "Write words", agent });
  const comment = (text: string, headers = {}) =>
    deputy.api("POST", `/v1/tasks/${id}/comment`, { place: "words.txt:1", text }, headers);
  const key = { "idempotency-key": "only-once" };
  expect((await comment("the first", key)).body.when).toContain("works on your comment");
  const replayed = await comment("the first", key);
  expect([replayed.status, replayed.headers.get("idempotency-replayed")]).toEqual([200, "true"]);
  await scratch.until("told-2");
  // Too late for a program that does not look; its daemon dies and comes back before it is done.
  expect((await comment("the second")).body.when).toContain("a rework with your comment follows");
  expect((await deputy.cli(["why", id])).stdout).toContain("a comment waits to be worked on");
  await deputy.kill();
  await deputy.start();
  for (const attempt of [2, 3, 4, 5]) await scratch.write(`go-${attempt}`);
  await until(async () => {
    const { task, messages } = await look(id);
    return task.state === "completed" && messages.every(({ state }: Json) => state === "done");
  }, "both comments are done");
  const { messages } = await look(id);
  expect(messages.map(({ place, text }: Json) => [place, text])).toEqual([
    ["words.txt:1", "the first"],
    ["words.txt:1", "the second"],
  ]);
  const receipt: Json = (await deputy.api("GET", `/v1/tasks/${id}/receipt`)).body;
  expect(receipt.messages.map(({ state }: Json) => state)).toEqual(["done", "done"]);
  const shown = await deputy.cli(["show", id]);
  expect(shown.stdout).toMatch(/words\.txt:1\s+the second\s+done: attempt \d of "\S+" had it/);
});

test("a comment that asks something is answered without a change", async () => {
  const agent = await scratch.agent(
    "teller.sh",
    `if [ "$DEPUTY_ATTEMPT" = 1 ]; then echo 1 > asked.txt; else echo '{"summary":"One, because of the first."}'; fi`,
  );
  const first = await deputy.run({
    ...{ repository: repository.path, goal: "Number", agent },
    checks: ["test -e asked.txt"],
  });
  expect(first.state, first.end_detail).toBe("completed");
  const { status } = await deputy.api("POST", `/v1/tasks/${first.id}/comment`, {
    place: "asked.txt:1",
    text: "Why one?",
  });
  expect(status).toBe(200);
  const task = await until(async () => {
    const { task, messages } = await look(first.id);
    return (
      ["completed", "failed"].includes(task.state) && messages[0].state !== "delivered" && task
    );
  }, "it is answered");
  expect([task.state, task.delivered_commit]).toEqual(["completed", first.delivered_commit]);
  expect((await look(first.id)).messages[0]).toMatchObject({
    state: "answered",
    detail: expect.stringContaining("One, because of the first."),
  });
});

test("what cannot be steered is refused in one sentence", async () => {
  const task = await deputy.run({
    repository: repository.path,
    goal: "Be quick",
    agent: "command:echo quick > quick.txt",
  });
  for (const [verb, body, sentence] of [
    ["say", { text: "Hello?" }, "is completed; nobody works on it"],
    ["pause", undefined, "there is nothing to pause"],
    ["resume", undefined, "is not paused"],
  ] as const) {
    const { status, body: problem } = await deputy.api(
      "POST",
      `/v1/tasks/${task.id}/${verb}`,
      body,
    );
    expect(status).toBe(409);
    expect(problem.detail).toContain(sentence);
  }
  const mistaken = await makeRepository({ ".deputy/config.yaml": "protcted: [a]\n" });
  const unplanned = await deputy.run({
    repository: mistaken.path,
    goal: "No",
    agent: "command:no",
  });
  await mistaken.remove();
  const comment = { place: "quick.txt:1", text: "Why?" };
  const refused = await deputy.api("POST", `/v1/tasks/${unplanned.id}/comment`, comment);
  expect([refused.status, refused.body.detail]).toEqual([
    409,
    `${unplanned.id} is failed and has no change that could be commented on.`,
  ]);
  const empty = await deputy.api("POST", `/v1/tasks/${task.id}/say`, { text: "  " });
  expect(empty.status).toBe(400);
});
