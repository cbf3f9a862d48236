import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { waitFor } from "../support/scratch.ts";
import { until } from "../support/until.ts";

/** The brake on everything: what runs is parked, nothing starts, and all of it goes on after a thaw. */
const { deputy, repository, scratch, show, submit } = withDeputy({
  files: { "README.md": "# Here\n" },
});

const freeze = async (...args: string[]) => {
  const frozen = await deputy.cli(["freeze", ...args]);
  expect(frozen.code, frozen.stderr).toBe(0);
  return frozen.stdout;
};
const thaw = async () => {
  const thawed = await deputy.cli(["thaw"]);
  expect(thawed.code, thawed.stderr).toBe(0);
  return thawed.stdout;
};
/** What holds a lease: nothing does, once all is parked. */
const working = async (): Promise<string[]> => {
  const { body } = await deputy.api("GET", "/v1/tasks?limit=200");
  const details = await Promise.all(body.tasks.map(({ id }: Json) => show(id)));
  const rows = details.flatMap(({ subtasks, task }: Json) => [task, ...subtasks]);
  return rows.filter(({ hold }: Json) => hold?.kind === "lease").map(({ id }: Json) => id);
};
const metric = async () =>
  /^deputy_frozen (\d)$/m.exec((await deputy.api("GET", "/metrics")).body)?.[1];

test("a freeze parks what runs, survives a kill, is said everywhere, and ends with a thaw", async () => {
  const agent = await scratch.agent(
    "patient.sh",
    `echo begun >> ${scratch.at("begun")}\n${waitFor(scratch.at("go"))}\necho done > done.txt`,
  );
  const id = await submit({ goal: "Be patient", agent });
  await scratch.until("begun");
  expect(await metric()).toBe("0");
  expect(await freeze("--reason", "The bill is too high")).toBe(
    "Deputy is frozen: nothing starts, and what ran is parked. Lift it with: deputy thaw\n",
  );
  const ended = await deputy.untilEvent(id, ({ type }) => type === "attempt.ended");
  expect(ended.data.detail).toBe("Deputy was frozen; the agent's work is kept");
  await until(async () => (await show(id)).subtasks[0].state === "ready", "recovery has decided");

  await scratch.write("go");
  await deputy.kill();
  await deputy.start();
  const later = await submit({ goal: "Come later", agent: "command:echo later > later.txt" });
  const why = await deputy.cli(["why", id]);
  expect(why.stdout).toContain("its one subtask is still open; Deputy is frozen since ");
  expect(why.stdout).toMatch(/\(ready\): a thaw: Deputy is frozen since \S+: The bill is too high/);
  expect(why.stdout).toContain("sooner  deputy thaw");
  expect((await deputy.cli(["why", later])).stdout).toContain("(queued): a thaw: Deputy is frozen");
  const sentence =
    /Deputy is frozen since \S+: The bill is too high; nothing starts until: deputy thaw/;
  expect((await deputy.cli(["ls"])).stdout).toMatch(sentence);
  const handed = await deputy.cli([
    "run",
    "Come last",
    "--agent",
    "command:echo last > last.txt",
    "--repo",
    repository.path,
  ]);
  expect(handed.stdout).toMatch(sentence);
  expect(handed.stdout).not.toContain("walk away");
  expect((await deputy.cli(["show", later])).stdout).toMatch(/waits for +a thaw: Deputy is frozen/);
  expect((await deputy.cli(["doctor"])).stdout).toMatch(sentence);
  const ready = await deputy.api("GET", "/readyz");
  expect([ready.status, ready.body.frozen]).toEqual([200, expect.stringMatching(sentence)]);
  expect((await deputy.api("GET", "/v1/tasks")).body.freeze).toEqual({
    ...{ cause: "person", reason: "The bill is too high", since: expect.any(String) },
  });
  expect(await metric()).toBe("1");
  expect(await working()).toEqual([]);
  expect((await scratch.read("begun")).trim().split("\n")).toHaveLength(1);

  expect(await thaw()).toBe("Deputy is thawed: work continues where it stopped.\n");
  for (const each of [id, later]) {
    const task = await deputy.untilOver(each);
    expect(task.state, task.end_detail).toBe("completed");
  }
  expect((await deputy.cli(["ls"])).stdout).not.toContain("frozen");
  expect(await metric()).toBe("0");
});

test("a second freeze keeps the first, and a thaw of nothing is refused, each in a sentence", async () => {
  await freeze("--reason", "First");
  expect(await freeze("--reason", "Second")).toMatch(
    /^It was frozen before\. Deputy is frozen since \S+: First\. Lift it with: deputy thaw\n$/,
  );
  const two = await Promise.all([1, 2].map(() => deputy.api("POST", "/v1/thaw")));
  expect(two.map(({ status }) => status).sort()).toEqual([200, 409]);
  const again = await deputy.cli(["thaw"]);
  expect([again.code, again.stderr]).toEqual([
    2,
    "deputy: Deputy is not frozen; there is nothing to thaw.\n",
  ]);
  const both = await Promise.all([1, 2].map(() => deputy.api("POST", "/v1/freeze", {})));
  expect(both.map(({ body }) => body.freeze.since)).toEqual(
    Array(2).fill(both[0]?.body.freeze.since),
  );
  expect((await deputy.api("GET", "/v1/freeze")).body.detail).toContain("a person froze it");
  await thaw();
  for (const body of [{ reason: " " }, { reason: 3 }, { why: "x" }])
    expect((await deputy.api("POST", "/v1/freeze", body)).status).toBe(400);
  expect((await deputy.api("GET", "/v1/freeze")).body).toEqual({
    ...{ freeze: null, detail: "Deputy is not frozen." },
  });
});

test("an answer and a retry while it is frozen are taken, and say that it is", async () => {
  const agent = `command:[ "$DEPUTY_ANSWER" = this ] && echo x > x.txt || echo '{"question": "Which?"}'`;
  const asks = await submit({ goal: "Ask", agent });
  await deputy.untilEvent(asks, ({ type }) => type === "question.asked");
  const fails = await submit({
    goal: "Fail",
    agent: `command:[ -e ${scratch.at("may")} ] && echo > y`,
  });
  expect((await deputy.untilOver(fails)).state).toBe("failed");
  await scratch.write("may");
  await freeze("--reason", "Night");
  for (const args of [
    ["answer", asks, "this"],
    ["retry", fails],
  ]) {
    const told = await deputy.cli(args);
    expect(told.code, told.stderr).toBe(0);
    expect(told.stdout).toMatch(
      /\nDeputy is frozen since \S+: Night; nothing starts until: deputy thaw\n$/,
    );
  }
  await thaw();
  for (const id of [asks, fails]) expect((await deputy.untilOver(id)).state).toBe("completed");
});

test("a check is parked, a merge under way ends, and what a person paused stays paused", async () => {
  // Both files are only in the merge of the second part into the first.
  const gate = await scratch.write(
    "gate.sh",
    `if [ -e one.txt ] && [ -e two.txt ]; then echo > ${scratch.at("merging")}; ${waitFor(scratch.at("merged"))}
else [ -e one.txt ] || [ -e two.txt ]; fi`,
  );
  const part = (name: string) => ({
    ...{ id: name, title: name, agent: `command:echo ${name} > ${name}.txt` },
  });
  const merged = await submit({
    ...{ goal: "Write one.txt and two.txt", checks: [`sh ${gate}`] },
    plan: { subtasks: [part("one"), part("two")] },
  });
  await scratch.until("merging");
  // Held checks take slots, which the merge needs: they come after it.
  const check = await scratch.write(
    "check.sh",
    `echo > ${scratch.at("checking")}\n${waitFor(scratch.at("checked"))}\n`,
  );
  const checked = await submit({
    ...{ goal: "Be checked", agent: "command:echo c > c.txt", checks: [`sh ${check}`] },
  });
  const paused = await submit({
    ...{ goal: "Be paused", agent: "command:true; echo p > p.txt", checks: [`sh ${check}`] },
  });
  expect((await deputy.api("POST", `/v1/tasks/${paused}/pause`)).status).toBe(200);
  await scratch.until("checking");

  await freeze();
  await deputy.untilEvent(checked, ({ type }) => type === "stage.parked");
  expect((await show(checked)).subtasks[0].state).toBe("verifying");
  await scratch.write("merged");
  let completed = 0;
  await deputy.untilEvent(merged, ({ type }) => type === "subtask.completed" && ++completed === 2);
  expect((await show(merged)).task.state).toBe("delivering");
  expect((await deputy.cli(["why", merged])).stdout).toContain("a thaw: Deputy is frozen since");
  expect(await working()).toEqual([]);

  await scratch.write("checked");
  await thaw();
  for (const id of [checked, merged]) expect((await deputy.untilOver(id)).state).toBe("completed");
  expect((await deputy.cli(["why", paused])).stdout).toContain("a person, who paused it");
  expect((await deputy.cli(["resume", paused])).code).toBe(0);
  expect((await deputy.untilOver(paused)).state).toBe("completed");
});

test("what starts in the moment of the freeze is parked, too, in a worker as well", async () => {
  const worker = deputy.spawn(["worker", "--json", "--concurrency", "16"]);
  if (!worker.stdout) throw new Error("no stdout");
  await once(createInterface(worker.stdout), "line");
  const agent = `command:${waitFor(scratch.at("moment"))}; echo m > m.txt`;
  const ids: string[] = [];
  // Frozen at different moments of the start of three tasks each.
  for (let round = 0; round < 4; round++) {
    const some = await Promise.all(
      [0, 1, 2].map((each) => submit({ goal: `Moment ${round}-${each}`, agent })),
    );
    ids.push(...some);
    const first = some[0];
    if (round > 0 && first) await deputy.untilEvent(first, ({ type }) => type === momentOf[round]);
    expect((await deputy.api("POST", "/v1/freeze", {})).status).toBe(200);
    await until(async () => (await working()).length === 0, "nothing is worked on");
    const started = await countStarts(ids);
    // A later submit that is through shows that nothing of it was started meanwhile.
    await submit({ goal: `After ${round}`, agent: "command:echo a > a.txt" }).then((id) =>
      ids.push(id),
    );
    expect(await countStarts(ids)).toBe(started);
    // Whoever had found its work before the freeze claims it even now, and is parked.
    await until(async () => (await working()).length === 0, "nothing is worked on again");
    await thaw();
  }
  await scratch.write("moment");
  for (const id of ids) expect((await deputy.untilOver(id)).state).toBe("completed");
  const exited = once(worker, "exit");
  worker.kill("SIGTERM");
  await exited;
});

const momentOf = ["", "task.planning", "subtask.ready", "attempt.started"];

async function countStarts(ids: readonly string[]): Promise<number> {
  const events = await Promise.all(ids.map((id) => deputy.events(id)));
  return events.flat().filter(({ type }) => type === "attempt.started").length;
}

test("a daemon that comes up frozen says so at its start", async () => {
  await freeze("--reason", "Overnight");
  await deputy.stop();
  const up = await deputy.cli(["up", "--detach"]);
  expect(up.code, up.stderr).toBe(0);
  expect(up.stdout).toMatch(
    /\nDeputy is frozen since \S+: Overnight; nothing starts until: deputy thaw\n$/,
  );
  await thaw();
  expect((await deputy.cli(["down"])).code).toBe(0);
  await deputy.start();
});

test("without a daemon it is one sentence, and nothing is changed", async () => {
  await deputy.stop();
  for (const verb of ["freeze", "thaw"]) {
    const answer = await deputy.cli([verb]);
    expect([answer.code, answer.stdout]).toEqual([3, ""]);
    expect(answer.stderr).toMatch(
      /^deputy: No daemon runs here \(.+\); start one with: deputy up\n$/,
    );
  }
  await deputy.start();
  expect((await deputy.api("GET", "/v1/freeze")).body.freeze).toBeNull();
  const task = await deputy.run({
    ...{ repository: repository.path, goal: "Go on", agent: "command:echo on > on.txt" },
  });
  expect(task.state).toBe("completed");
});
