import { expect, test } from "vitest";
import { DeputyError } from "../../../src/core/base/error.ts";
import type { Task } from "../../../src/core/task/task.ts";
import type { InboxDeps } from "../../../src/triggers/github/inbox-deps.ts";
import { updateConflicted } from "../../../src/triggers/github/update-conflicted.ts";
import { parseTriggerRules } from "../../../src/triggers/rules.ts";

/** Pull requests 1, 2, … of ours, as they are in one round; an Error is what reading one meets. */
type Pull = { mergeable: boolean | null } | { base: string } | Error;

const taskOf = (number: number) =>
  ({ id: `task_${number}`, deliveryUrl: `https://github.com/acme/app/pull/${number}` }) as Task;

/** What a push to main does in one round, after what an earlier one noted. */
async function play(
  pulls: Pull[],
  more: {
    result?: string | null;
    receivedAt?: Date;
    /** Why a rule's guards let nothing start, by pull request. */
    heldBack?: Record<number, Error>;
    refused?: Record<number, Error>;
  } = {},
) {
  const done: string[] = [];
  let result: string | null = null;
  const keep = async (_: string, end: { result: string }) => {
    result = end.result;
  };
  const numberOf = (word: string) => Number(/\d+$/.exec(word)?.[0]);
  const deps = {
    own: {
      listOpenPulls: async () => pulls.map((_, index) => taskOf(index + 1)),
      readPull: async (place: string) => {
        done.push(`read ${place}`);
        const pull = pulls[numberOf(place) - 1];
        if (pull instanceof Error) throw pull;
        return {
          state: "open",
          base: { ref: "main" },
          ...pull,
        };
      },
      update: async (id: string) => {
        const refusal = more.refused?.[numberOf(id)];
        if (refusal) throw refusal;
        done.push(`updated ${id}`);
        return `brought up\nto date; fine`;
      },
      tell: async (place: string) => void done.push(`told ${place}`),
      callPerson: async (id: string) => void done.push(`called for ${id}`),
    },
    rules: () =>
      parseTriggerRules(`github: [{ on: own_base.moved, repository: "acme/*" }]`, "triggers.yaml"),
    admit: async ({ subject }: { subject: string }) => {
      const refusal = more.heldBack?.[numberOf(subject)];
      if (refusal) throw refusal;
    },
    inbox: { note: keep, settle: keep },
    log: () => {},
  } as unknown as InboxDeps;
  const payload = {
    ref: "refs/heads/main",
    repository: { id: 1, full_name: "acme/app", owner: { login: "acme" } },
    sender: { login: "ada" },
  };
  const delivery = {
    deliveryId: "d",
    event: "push",
    payload,
    receivedAt: new Date(),
    result: null,
  };
  const settled = await updateConflicted(deps, { ...delivery, ...more });
  return { settled, done, result: String(result) };
}
/** What the note says, once its time has come. */
const later = (note: string) =>
  note.replace(/^waits until \S+:/, "waits until 2020-01-01T00:00:00Z:");

const conflict = { mergeable: false };
const fine = "brought up to date; fine";

test("what is refused for one pull request, gone or odd is told, and the others are updated", async () => {
  const gone = new DeputyError("not_found", "GitHub shows nothing by that name.");
  const { done, result, settled } = await play(
    [conflict, gone, { base: "main" }, conflict, conflict],
    {
      heldBack: { 1: new DeputyError("forbidden", "its breaker is open") },
      refused: { 4: new DeputyError("conflict", "its branch was rewritten") },
    },
  );
  expect(settled).toBe(true);
  expect(result.split("; ").slice(0, 4)).toEqual([
    "refused for acme/app#1: its breaker is open",
    "refused for acme/app#2: GitHub shows nothing by that name.",
    "refused for acme/app#3: it is not in the form of a pull request at base",
    "refused for acme/app#4: its branch was rewritten",
  ]);
  expect(result).toContain("updated acme/app#5: ");
  expect(done).toContain("updated task_5");
});

test("what cannot be done now is tried again alone, and what was done is kept", async () => {
  const away = new DeputyError("unavailable", "GitHub was not reached.");
  const first = await play([conflict, away, conflict, { mergeable: null }], {
    refused: { 3: new DeputyError("conflict", "its branch was rewritten") },
  });
  expect(first.settled).toBe(false);
  expect(first.result).toMatch(
    /^waits until \S+: acme\/app#2: GitHub was not reached\.; acme\/app#4: GitHub does not know yet/,
  );
  expect(await play([conflict], { result: first.result })).toMatchObject({
    settled: false,
    done: [],
  });

  const second = await play([conflict, conflict, conflict, { mergeable: true }], {
    result: later(first.result),
  });
  expect(second.done).toEqual(["read acme/app#2", "updated task_2", "read acme/app#4"]);
  expect(second.settled).toBe(true);
  expect(second.result.replace(/\s+/g, " ")).toBe(
    `updated acme/app#1: ${fine}; refused for acme/app#3: its branch was rewritten; updated acme/app#2: ${fine}`,
  );
});

test("a limit of the forge ends the round, and one of the rule's does not", async () => {
  const retryAt = new Date(Date.now() + 3_600_000);
  const limit = new DeputyError("unavailable", "GitHub's rate limit is used up.", { retryAt });
  const limited = await play([{ mergeable: null }, limit, conflict]);
  expect(limited.done).toEqual(["read acme/app#1", "read acme/app#2"]);
  expect(limited.result).toContain(`waits until ${retryAt.toISOString()}: `);
  const field = "max_per_hour";
  const capped = new DeputyError("unavailable", "no more in an hour", { field, retryAt });
  const { done, settled } = await play([conflict, conflict], { heldBack: { 1: capped } });
  expect({ done: done.at(-1), settled }).toEqual({ done: "updated task_2", settled: false });
});

test("a fault that lasts for three days is given up, and one not known to merge after ten minutes left", async () => {
  const receivedAt = new Date(Date.now() - 4 * 24 * 3_600_000);
  const away = new DeputyError("unavailable", "GitHub was not reached.");
  const { result, settled } = await play([away, { mergeable: null }], { receivedAt });
  expect({ result, settled }).toEqual({
    settled: true,
    result:
      "gave up for acme/app#1: GitHub was not reached.; left acme/app#2: GitHub did not find out whether it merges",
  });
});

test("where none conflicts the result says so", async () => {
  expect((await play([{ mergeable: true }])).result).toBe(
    "ignored: no pull request of ours conflicts",
  );
});
