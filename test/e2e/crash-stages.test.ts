import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stageNames } from "../../src/core/task/outcome.ts";
import { faultMoments } from "../../src/orchestrator/runner/fault-point.ts";
import { fingerprintCheckout } from "../../src/worktree/checkout/fingerprint.ts";
import { withDeputy } from "../support/fixtures.ts";
import { type Phone, startPhone } from "../support/phone.ts";
import { until } from "../support/until.ts";

/**
 * `kill -9` of the daemon at every moment that matters, one after the other, and a new start each
 * time: whatever was going on, the task completes, is delivered once and told once, no attempt is
 * counted that was not made, and the user's checkout is what it was.
 *
 * The daemon that finishes one task is the one that is killed over the next: in an order in which the
 * task that is being finished does not come through the stage of the next death any more.
 */
const orders = [
  ["deliver", "integrate", "verify", "execute"],
  ["recover", "plan"],
];
const lives = faultMoments.flatMap((moment) =>
  orders.map((stages) => stages.map((stage) => `${stage}:${moment}`)),
);

let phone: Phone;
/** What will kill the daemon that runs. */
let armed: string | null = null;

beforeAll(async () => {
  phone = await startPhone();
});
afterAll(() => phone?.close());
const { deputy, repository } = withDeputy({
  files: { "README.md": "# Something\n" },
  env: () => phone.env,
  start: false,
});

const goalOf = (fault: string) => `Survive ${fault.replace(":", " ")}`;
const countTold = (fault: string) =>
  phone.titles().filter((title) => title === `Done: ${goalOf(fault)}`).length;
const start = async (fault: string | null) => {
  await deputy.start(fault === null ? {} : { DEPUTY_FAULT: fault });
  armed = fault;
};

test("there is a death for every stage at every moment", () => {
  const declared = stageNames.flatMap((stage) => faultMoments.map((at) => `${stage}:${at}`));
  expect(lives.flat().toSorted()).toEqual(declared.toSorted());
});

describe.each(lives)("killed at %s", (...faults) => {
  test.each(faults)("%s: finished once after the next start", async (fault) => {
    const [stage] = fault.split(":");
    const before = await fingerprintCheckout(repository.path);
    if (armed !== fault) {
      await deputy.stop();
      await start(fault);
    }
    const goal = goalOf(fault);
    // The first attempt fails where recovery is what gets killed.
    const fails = stage === "recover" ? 'test "$DEPUTY_ATTEMPT" -gt 1 && ' : "";
    const { body } = await deputy.api("POST", "/v1/tasks", {
      goal,
      repository: repository.path,
      agent: `command:${fails}echo "$DEPUTY_ATTEMPT" > done.txt`,
      checks: ["test -s done.txt"],
    });
    expect(await deputy.ended()).toBe("SIGKILL");

    await start(faults[faults.indexOf(fault) + 1] ?? null);
    const task = await deputy.untilOver(body.id);
    expect(task.state).toBe("completed");

    const slug = goal.toLowerCase().replaceAll(" ", "-");
    const branches = repository
      .git("for-each-ref", "--format=%(refname:short)", `refs/heads/deputy/${slug}*`)
      .split("\n");
    expect(branches).toEqual([`deputy/${slug}`]);
    expect(repository.git("show", `deputy/${slug}:done.txt`)).toMatch(/^\d$/);
    expect(await fingerprintCheckout(repository.path)).toEqual(before);

    const events = await deputy.events(body.id);
    const seqs = events.map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    for (const type of ["task.created", "task.planned", "task.delivering", "task.completed"])
      expect(
        events.filter((event) => event.type === type),
        type,
      ).toHaveLength(1);
    const attempts = events.filter(({ type }) => type === "attempt.ended").map(({ data }) => data);
    // Only an attempt that was cut off is made again; what had reported is not done twice.
    expect(attempts.map(({ reason }) => reason)).toEqual(
      stage === "recover"
        ? ["gave_up", "done"]
        : fault === "execute:claimed"
          ? ["lost", "done"]
          : ["done"],
    );
    await until(() => countTold(fault) > 0, "the phone was told");
  });

  test("each was told once", async () => {
    await deputy.stop();
    armed = null;
    expect(faults.map(countTold)).toEqual(faults.map(() => 1));
  });
});
