import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fingerprintCheckout } from "../../src/worktree/checkout/fingerprint.ts";
import { makeRandom } from "../overnight/stats.ts";
import { withDeputy } from "../support/fixtures.ts";
import { type Phone, startPhone } from "../support/phone.ts";

/**
 * Five tasks, one of them a plan of three, while the daemon is killed six times at moments that the
 * seed decides. `DEPUTY_SEED` repeats a run.
 */
const seed = Number(process.env.DEPUTY_SEED ?? Date.now() % 1_000_000);
const kills = 6;

let phone: Phone;

beforeAll(async () => {
  phone = await startPhone();
});
afterAll(() => phone?.close());
const { deputy, repository } = withDeputy({
  files: { "README.md": "# Something\n" },
  // Kills may come faster than anything is done.
  env: () => ({ ...phone.env, DEPUTY_CONCURRENCY: "3", DEPUTY_CRASH_LOOP_BOOTS: "0" }),
  start: false,
});

test(`killed ${kills} times at random (DEPUTY_SEED=${seed}): all complete, each once`, async () => {
  const random = makeRandom(seed);
  const before = await fingerprintCheckout(repository.path);
  await deputy.start();
  const agent = "command:sleep 0.3; echo done > $DEPUTY_SUBTASK-$DEPUTY_TASK_ID.txt";
  const submit = async (body: object) =>
    (await deputy.api("POST", "/v1/tasks", { repository: repository.path, agent, ...body })).body
      .id;
  const ids: string[] = [
    await submit({
      goal: "Plan",
      plan: {
        subtasks: [
          { id: "a", title: "A" },
          { id: "b", title: "B" },
          { id: "c", title: "C", depends_on: ["a", "b"] },
        ],
      },
    }),
  ];
  for (let i = 1; i <= 4; i++) {
    const checks = ["ls *.txt"];
    ids.push(await submit({ goal: `Single ${i}`, checks }));
  }
  for (let i = 0; i < kills; i++) {
    await sleep(50 + random() * 1_200);
    await deputy.kill();
    await deputy.start();
  }
  for (const id of ids) expect((await deputy.untilOver(id)).state, id).toBe("completed");

  const branches = repository
    .git("for-each-ref", "--format=%(refname:short)", "refs/heads/deputy")
    .split("\n");
  expect(branches).toEqual([
    "deputy/plan",
    ...[1, 2, 3, 4].map((number) => `deputy/single-${number}`),
  ]);
  expect(repository.git("ls-tree", "--name-only", "deputy/plan").split("\n")).toEqual([
    "README.md",
    ...["a", "b", "c"].map((key) => `${key}-${ids[0]}.txt`),
  ]);
  for (const id of ids) {
    const events = await deputy.events(id);
    expect(events.filter(({ type }) => type === "task.completed")).toHaveLength(1);
    const done = events.filter(
      ({ type, data }) => type === "attempt.ended" && data.reason === "done",
    );
    expect(done).toHaveLength(id === ids[0] ? 3 : 1);
  }
  expect(await fingerprintCheckout(repository.path)).toEqual(before);
});
