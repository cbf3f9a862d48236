import { afterAll, beforeAll, expect, test } from "vitest";
import { reportDone } from "../../src/store/tasks/attempts.ts";
import { listOpenQuestions } from "../../src/store/tasks/questions.ts";
import { getSubtask, listAttempts } from "../../src/store/tasks/tasks.ts";
import { attempted, type Bench, decided, makeBench } from "../support/orchestrator.ts";

/** What a process that was given up reports later, in each situation that the subtask may be in. */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench?.close());

const commit = "e".repeat(40);
const done = { detail: "exit 0", outputTail: "", commit, snapshotRef: "refs/deputy/attempts/a" };
const report = { ...done, summary: null, discoveries: [], followUps: [], confinement: null };

/** A first attempt that was lost, and what was decided then. */
async function lose(decision: ReturnType<typeof decided>) {
  await bench.clear();
  const taskId = await bench.submitPlanned();
  const claim = await bench.claim("execute");
  if (!claim?.subtaskId) throw new Error("it is ready");
  await bench.report(claim, { kind: "lost", detail: "its process was stopped" });
  const recover = await bench.claim("recover");
  if (recover) await bench.report(recover, decision);
  const subtaskId = claim.subtaskId;
  const [first] = await listAttempts(bench.db, { subtaskId });
  if (!first) throw new Error("it was attempted");
  const stateOf = async () => (await getSubtask(bench.db, subtaskId))?.state;
  const finishLate = async () => {
    const isKept = await reportDone(bench.db, first, report, { isHandedOver: false });
    expect(await bench.report(claim, attempted({ commit }))).toBe("stale");
    return isKept;
  };
  return { taskId, subtaskId, first, stateOf, finishLate };
}
const told = () =>
  bench.database.query("select 1 from events where type = 'attempt.finished_late'");

test("a pause is cut short, and the claim of the next attempt has it verified, once", async () => {
  const { finishLate, stateOf, subtaskId } = await lose(decided("retry", 3_600_000));
  expect(await finishLate()).toBe(true);
  expect(await bench.claim("execute")).toBeNull();
  expect(await stateOf()).toBe("verifying");
  const attempts = await listAttempts(bench.db, { subtaskId });
  expect(attempts).toMatchObject([
    { endReason: "lost", report: null, snapshotRef: report.snapshotRef },
    { endReason: "done", commit, number: 2 },
  ]);
  const verify = await bench.claim("verify");
  expect(verify?.attemptId).toBe(attempts[1]?.id);
  expect(await told()).toHaveLength(1);
});

test("the question for help is withdrawn", async () => {
  const stuck = decided("ask");
  if (stuck.kind === "decided" && stuck.decision.action === "ask") stuck.decision.asks = "stuck";
  const { finishLate, stateOf, taskId } = await lose(stuck);
  expect(await stateOf()).toBe("waiting");
  await finishLate();
  expect(await listOpenQuestions(bench.db, taskId)).toEqual([]);
  expect(await stateOf()).toBe("ready");
  expect(await bench.claim("execute")).toBeNull();
  expect(await stateOf()).toBe("verifying");
});

test("a question about the work itself stands, and the late work is dropped", async () => {
  const { finishLate, stateOf, taskId, subtaskId } = await lose(decided("ask"));
  await finishLate();
  expect(await stateOf()).toBe("waiting");
  expect(await listOpenQuestions(bench.db, taskId)).toHaveLength(1);
  expect((await listAttempts(bench.db, { subtaskId }))[0]?.report).toBeNull();
});

test("once another attempt began the files are not taken for its own", async () => {
  const { finishLate, stateOf } = await lose(decided("retry"));
  const second = await bench.claim("execute");
  expect(second).not.toBeNull();
  expect(await finishLate()).toBe(false);
  expect(await stateOf()).toBe("running");
  expect(await told()).toEqual([]);
  if (second) expect(await bench.report(second, attempted())).toBe("applied");
});

test("a process that dies after its report has lost nothing", async () => {
  await bench.clear();
  await bench.submitPlanned();
  const claim = await bench.claim("execute");
  const [attempt] = await listAttempts(bench.db, { subtaskId: claim?.subtaskId ?? "" });
  if (!claim || !attempt) throw new Error("it is ready");
  await reportDone(bench.db, attempt, report, { isHandedOver: false });
  await bench.report(claim, { kind: "lost", detail: "its process died" });
  const [ended] = await listAttempts(bench.db, { subtaskId: attempt.subtaskId });
  expect(ended).toMatchObject({ endReason: "done", commit, report: null });
  expect(await bench.claim("verify")).not.toBeNull();
});
