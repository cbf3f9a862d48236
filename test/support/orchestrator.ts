import { newId } from "../../src/core/base/id.ts";
import type { Verdict } from "../../src/core/proof/verdict.ts";
import type { Claim, Outcome, StageName } from "../../src/core/task/outcome.ts";
import type { PlannedSubtask } from "../../src/core/task/plan.ts";
import { claimWork } from "../../src/orchestrator/runner/claim.ts";
import {
  type AdvanceDeps,
  advance,
  makeAdvanceDeps,
} from "../../src/orchestrator/transitions/advance.ts";
import { openStore, type Store } from "../../src/store/database/open.ts";
import type { Db } from "../../src/store/database/schema.ts";
import { createTasks, type NewTask } from "../../src/store/tasks/create-task.ts";
import { createTestDatabase, type TestDatabase } from "./postgres.ts";

/** The orchestrator on a real database, with nobody else at work: its tests say what stages report. */
export type Bench = {
  database: TestDatabase;
  store: Store;
  db: Db;
  deps: AdvanceDeps & { db: Db };
  /** A registered process that claims. */
  processId: string;
  addProcess(): Promise<string>;
  /** `approval`: the question that holds it until a person says yes. */
  submit(task?: Partial<NewTask>, approval?: string): Promise<string>;
  /** Claim one piece of work of a stage, or null when none is ready. */
  claim(stage: StageName, owner?: string): Promise<Claim | null>;
  report(claim: Claim, outcome: Outcome, owner?: string): Promise<"applied" | "stale">;
  /** A task whose subtasks are planned. */
  submitPlanned(subtasks?: Partial<PlannedSubtask>[]): Promise<string>;
  /** Forget all tasks. */
  clear(): Promise<void>;
  close(): Promise<void>;
};

export async function makeBench(): Promise<Bench> {
  const database = await createTestDatabase();
  const store = await openStore(database.connection, { maxConnections: 8, onError: () => {} });
  const { db } = store;
  const deps = { db, ...makeAdvanceDeps(db, () => []) };
  const addProcess = async () => {
    const id = newId("process");
    await database.query(
      "insert into processes (id, kind, pid, start_ticks, host) values ($1, 'daemon', 1, '1', 'here')",
      [id],
    );
    return id;
  };
  const processId = await addProcess();
  const bench: Bench = {
    database,
    store,
    db,
    deps,
    processId,
    addProcess,
    submit: async (task = {}, approval) => {
      const id = newId("task");
      await createTasks(db, [
        {
          task: { ...plainTask, ...task, id },
          message: "Task accepted",
          idempotency: null,
          approval: approval ? { questionId: newId("question"), text: approval } : null,
        },
      ]);
      return id;
    },
    claim: async (stage, owner = processId) => {
      for await (const claim of claimWork(db, owner, stage, 1)) return claim;
      return null;
    },
    report: (claim, outcome, owner = processId) => advance(deps, owner, claim, outcome),
    submitPlanned: async (subtasks = [{}]) => {
      const id = await bench.submit();
      const claim = await bench.claim("plan");
      if (claim?.taskId !== id) throw new Error("another task was ready to be planned");
      await bench.report(claim, planned(subtasks));
      return id;
    },
    clear: async () => {
      await database.query(
        "truncate tasks, subtasks, attempts, events, outbox, questions, messages cascade",
      );
    },
    close: async () => {
      await store.close();
      await database.drop();
    },
  };
  return bench;
}

export const plainTask: Omit<NewTask, "id"> = {
  goal: "Something",
  repository: "/nowhere",
  base: null,
  agentNamed: true,
  whenStuck: "fail",
  agent: "builtin",
  checks: [],
  planInput: null,
  mode: "auto",
  approval: "none",
  attachments: [],
  delivery: "branch",
  expectsChange: true,
  allowTestChanges: false,
  includeUncommitted: false,
  fresh: false,
  allow: [],
  proof: null,
  assurance: null,
  attemptTimeoutMs: 60_000,
  budget: null,
  origin: {
    source: "http",
    subject: null,
    outsideText: null,
    replyTo: null,
    reviewedAgainst: null,
  },
};

export function planned(subtasks: Partial<PlannedSubtask>[] = [{}]): Outcome {
  return {
    kind: "planned",
    preparation: {
      baseCommit: "b".repeat(40),
      baseRef: "main",
      forkCommit: null,
      mirror: "/nowhere.git",
      setup: [],
      checks: [],
      checksSource: "none",
      delivery: null,
      protectedPaths: [],
    },
    plan: {
      mode: "given",
      why: "the caller gave it",
      planner: null,
      subtasks: subtasks.map((subtask, index) => ({
        key: `s${index}`,
        title: `Subtask ${index}`,
        brief: "",
        dependsOn: [],
        writes: [],
        agent: "builtin",
        checks: [],
        kind: "work",
        ...subtask,
      })),
    },
  };
}

export function attempted(
  set: Partial<Extract<Outcome, { kind: "attempted" }>> = {},
): Extract<Outcome, { kind: "attempted" }> {
  return {
    kind: "attempted",
    reason: "done",
    failure: null,
    detail: "",
    outputTail: "",
    commit: "c".repeat(40),
    snapshotRef: null,
    summary: null,
    question: null,
    discoveries: [],
    followUps: [],
    confinement: null,
    retryAt: null,
    ...set,
  };
}

export function verdict(result: Verdict["result"]): Verdict {
  return { result, summary: result, checks: [], findings: [], notChecked: [] };
}

export function decided(action: "retry" | "ask" | "give_up", delayMs = 0): Outcome {
  const base = { kind: "checks_failed", signature: "s", reason: "because" } as const;
  const feedback = "it failed";
  switch (action) {
    case "retry":
      return { kind: "decided", decision: { action, rung: "fresh", ...base, delayMs }, feedback };
    case "ask":
      return {
        kind: "decided",
        decision: { action, rung: "ask", asks: "question", ...base, question: "Which one?" },
        feedback,
      };
    case "give_up":
      return { kind: "decided", decision: { action, rung: "give_up", ...base }, feedback };
  }
}

/** What each stage reports when all is well. */
export function success(stage: StageName): Outcome {
  switch (stage) {
    case "plan":
      return planned();
    case "execute":
      return attempted();
    case "verify":
      return { kind: "verified", verdict: verdict("pass") };
    case "recover":
      return decided("give_up");
    case "integrate":
      return { kind: "integrated", commit: "d".repeat(40), verdict: verdict("pass") };
    case "deliver":
      return { kind: "delivered", branch: "deputy/x", commit: "d", url: null, detail: "deputy/x" };
  }
}
