import { expect, test } from "vitest";
import { lenient } from "../../src/api/lenient.ts";
import { taskDetailWire } from "../../src/api/task/task-detail.ts";
import { whyWire } from "../../src/api/task/why.ts";
import { fromWire, toWire } from "../../src/api/to-wire.ts";

const since = new Date("2026-01-01T00:00:00Z");
const why = { id: "task_1", state: "running", waitingFor: "it", since, next: "that" };

test("only the fields of the schema leave, in wire names", () => {
  const inner = { ...why, id: "sub_1", nextAt: since, unblock: null, signs: null, subtasks: [] };
  const secret = { token: "s", holdOwner: "p" };
  expect(toWire(whyWire, { ...inner, ...secret, nextAt: null, subtasks: [inner] })).toEqual({
    ...{ id: "sub_1", state: "running", waiting_for: "it", since: "2026-01-01T00:00:00.000Z" },
    ...{ next: "that", next_at: null, unblock: null, signs: null },
    subtasks: [
      {
        ...{ id: "sub_1", state: "running", waiting_for: "it", since: "2026-01-01T00:00:00.000Z" },
        ...{
          next: "that",
          next_at: "2026-01-01T00:00:00.000Z",
          unblock: null,
          signs: null,
          subtasks: [],
        },
      },
    ],
  });
  expect(fromWire({ cost_usd: 1, model: "m" })).toEqual({ costUsd: 1, model: "m" });
});

test("a client reads answers of a newer daemon and of an older one", () => {
  const newer = {
    ...{ id: "task_1", state: "dreaming", waiting_for: "it", since: "soon", next: "that" },
    ...{ next_at: null, unblock: null, signs: null, mood: "good" },
    subtasks: [{ id: "sub_1", state: "new", waiting_for: "", since: "", next: "" }],
  };
  const { mood: _, ...known } = newer;
  expect(lenient(whyWire).parse(newer)).toEqual({
    ...known,
    subtasks: [{ ...known.subtasks[0], next_at: null, unblock: null, signs: null, subtasks: [] }],
  });
  const { attempts, hold } = lenient(
    taskDetailWire.pick({ attempts: true }).extend({ hold: taskDetailWire.shape.task.shape.hold }),
  ).parse({ hold: { kind: "moon", phase: 2 } });
  expect({ attempts, hold }).toEqual({ attempts: [], hold: { kind: "moon" } });
  expect(lenient(whyWire).safeParse({}).success).toBe(false);
});
