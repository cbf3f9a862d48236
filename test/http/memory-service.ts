import { randomBytes } from "node:crypto";
import type { Device, Pairing, Scope } from "../../src/core/attention/device.ts";
import { DeputyError } from "../../src/core/base/error.ts";
import { newId, readTaskPrefix } from "../../src/core/base/id.ts";
import type { Changes, TaskCounts } from "../../src/core/page/changes.ts";
import type { Event, EventType } from "../../src/core/task/event.ts";
import type { LadderView } from "../../src/core/task/ladder-view.ts";
import { isTaskOver, type TaskState } from "../../src/core/task/lifecycle.ts";
import type { RetryInput, Task, TaskInput, TaskOrigin } from "../../src/core/task/task.ts";
import type { LogQuery, TaskDetail } from "../../src/core/task/task-detail.ts";
import type { ScheduleState, Service, TestedPush } from "../../src/http/service.ts";
import type { Explanation } from "../../src/orchestrator/explain/explain.ts";

/**
 * The daemon as the HTTP server sees it, kept in memory: enough of a task's life to test the doors.
 * `emit` appends an event as the daemon would, and may move the task with it.
 */
export class MemoryService implements Service {
  readonly tasks = new Map<string, Task>();
  readonly origins: TaskOrigin[] = [];
  readonly inputs: TaskInput[] = [];
  readonly hooks: Parameters<Service["receiveGithub"]>[0][] = [];
  readonly answers: unknown[] = [];
  readonly retries: unknown[] = [];
  failWith: unknown = null;
  problems: string[] = [];
  details: Partial<TaskDetail> = {};
  private readonly keys = new Map<string, { bodyHash: string; taskId: string }>();
  private readonly appended: Event[] = [];
  private readonly listeners = new Map<string, Set<() => void>>();

  async submit(
    input: TaskInput,
    origin: TaskOrigin,
    idempotency: { key: string; bodyHash: string } | null,
  ) {
    if (this.failWith) throw this.failWith;
    this.inputs.push(input);
    this.origins.push(origin);
    const known = idempotency && this.keys.get(idempotency.key);
    if (known) {
      if (known.bodyHash !== idempotency.bodyHash) {
        throw new DeputyError("conflict", "This Idempotency-Key belongs to another request.");
      }
      return { task: this.get(known.taskId), created: false };
    }
    if (input.plan_yaml?.includes("depend_on")) {
      throw new DeputyError("invalid_input", 'Unknown field "depend_on".', {
        field: "plan_yaml",
        line: 4,
      });
    }
    const task = makeTask(input, origin);
    this.tasks.set(task.id, task);
    if (idempotency) {
      this.keys.set(idempotency.key, { bodyHash: idempotency.bodyHash, taskId: task.id });
    }
    this.emit(task.id, "task.created", "Task created");
    return { task, created: true };
  }

  async list(query: Parameters<Service["list"]>[0]) {
    const all = [...this.tasks.values()]
      .reverse()
      .filter(({ state }) => query.states.length === 0 || query.states.includes(state));
    const start = query.cursor ? all.findIndex(({ id }) => id === query.cursor) + 1 : 0;
    const tasks = all.slice(start, start + query.limit);
    return {
      tasks: tasks.map((task) => ({ ...task, costUsd: 0, attention: null })),
      garbled: [],
      nextCursor: all[start + query.limit] ? (tasks.at(-1)?.id ?? null) : null,
      freeze: null,
    };
  }

  async find(id: string) {
    const { task } = await this.show(id);
    return { id: task.id, state: task.state };
  }

  async show(id: string): Promise<TaskDetail> {
    if (this.failWith) throw this.failWith;
    const task = this.get(id);
    return {
      subtasks: [],
      attempts: [],
      questions: [],
      messages: [],
      plans: [],
      usage: [],
      worktrees: [],
      garbled: [],
      ...this.details,
      task,
    };
  }

  async events(taskId: string, afterSeq: number, limit: number) {
    return this.appended.filter((e) => e.taskId === taskId && e.seq > afterSeq).slice(0, limit);
  }

  onEvents(taskId: string, listener: () => void) {
    const set = this.listeners.get(taskId) ?? new Set();
    this.listeners.set(taskId, set.add(listener));
    return () => {
      set.delete(listener);
    };
  }

  listenerCount(taskId: string): number {
    return this.listeners.get(taskId)?.size ?? 0;
  }

  async why(id: string): Promise<Explanation> {
    const task = this.get(id);
    const since = new Date("2026-01-01T00:00:00Z");
    const why = {
      id: task.id,
      state: task.state,
      waitingFor: "Waits for a free planner.",
      since,
      next: "It is planned.",
      nextAt: null,
      unblock: null,
      signs: null,
    };
    return { ...why, subtasks: [{ ...why, id: newId("subtask"), subtasks: [] }] };
  }

  async ladder(id: string): Promise<LadderView> {
    const rungs = [{ rung: "repair" as const, fallback: null, used: [] }];
    const next = { rung: "repair" as const, reason: "attempt 2 of 6 repairs it" };
    const own = { key: "main", state: "running" as const, counted: 0, limit: 6, on: null };
    return { id: this.get(id).id, subtasks: [{ ...own, rungs, next, late: null }] };
  }

  async diff(id: string) {
    this.get(id);
    return "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n";
  }

  async changes(id: string) {
    this.get(id);
    return { tree: "a".repeat(40), base: "b".repeat(40), files: [], truncated: false, total: 0 };
  }

  async patch(id: string, { path }: { path: string }) {
    this.get(id);
    const tree = "a".repeat(40);
    return { tree, path, oldPath: null, patch: "@@ -1 +1 @@\n", truncated: false, binary: false };
  }

  async logPart(id: string, { from }: { from: number }) {
    this.get(id);
    return { text: "a line\n", from, to: from + 7, total: from + 7, ended: true };
  }

  async receipt(id: string) {
    const { goal } = this.get(id);
    return { json: { goal }, markdown: `# ${goal}\n` };
  }

  async log(id: string, { attempt, maxBytes, subtask }: LogQuery) {
    this.get(id);
    return `attempt ${attempt ?? "latest"} of ${subtask ?? "any"}, ${maxBytes} bytes\n`;
  }

  async cancel(id: string) {
    const task = this.get(id);
    if (isTaskOver(task.state)) {
      throw new DeputyError("conflict", `The task is ${task.state} already.`);
    }
    this.emit(task.id, "task.cancelled", "Cancelled", "cancelled");
    return this.get(id);
  }

  async retry(id: string, changes: RetryInput) {
    this.retries.push(changes);
    this.emit(this.get(id).id, "task.retried", "Retried", "running");
    return this.get(id);
  }

  async setBudget(id: string, usd: number) {
    return { task: this.get(id), detail: `the budget is $${usd} now` };
  }

  async accept(id: string) {
    return { task: this.get(id), detail: "Merged into main." };
  }

  async discard(id: string) {
    return { task: this.get(id), detail: "Removed the branch." };
  }

  async update(id: string) {
    return { task: this.get(id), detail: "Up to date with main already." };
  }

  async rollback(id: string) {
    return { task: this.get(id), detail: "Undone on main." };
  }

  async answer(id: string, answer: string, questionId: string | null) {
    this.answers.push({ answer, questionId });
    return this.get(id);
  }

  async say(id: string, text: string, subtask: string | null) {
    this.answers.push({ text, subtask });
    return { task: this.get(id), when: '"main" receives it when its turn ends', isNew: true };
  }

  async comment(id: string, comment: { place: string; text: string }) {
    this.answers.push(comment);
    return { task: this.get(id), when: '"main" works on your comment', isNew: true };
  }

  async comments(id: string) {
    this.get(id);
    return { tree: "a".repeat(40), comments: [] };
  }

  async placeComments(id: string, { comments }: Parameters<Service["placeComments"]>[1]) {
    this.get(id);
    return {
      tree: "a".repeat(40),
      moved: comments.map(({ endLine, line }) => ({ line, endLine })),
    };
  }

  async review(id: string, { comments, tree }: Parameters<Service["review"]>[1]) {
    this.get(id);
    if (tree !== "a".repeat(40))
      return {
        tree: "a".repeat(40),
        moved: comments.map(({ endLine, line }) => ({ line, endLine })),
      };
    return { comments: [], when: "soon", isNew: true };
  }

  async pause(id: string) {
    return this.get(id);
  }

  async snooze(id: string, minutes: number) {
    return { task: this.get(id), detail: `put off for ${minutes}` };
  }

  async resume(id: string) {
    return this.get(id);
  }

  async snapshots(id: string) {
    return { id: this.get(id).id, snapshots: [] };
  }

  async restoreSnapshot(id: string, number: number): Promise<never> {
    this.get(id);
    throw new DeputyError("not_found", `There is no snapshot ${number}.`);
  }

  async restore(id: string) {
    this.get(id);
    return { worktrees: [{ subtaskId: "sub_1", path: "/tmp/wt" }], detail: "Restored one." };
  }

  private readonly newsListeners = new Set<() => void>();
  onNews(listener: () => void) {
    this.newsListeners.add(listener);
    return () => {
      this.newsListeners.delete(listener);
    };
  }

  newsListenerCount(): number {
    return this.newsListeners.size;
  }

  /** Cursors are counts of events; one beyond them is unknown. */
  async readChanges(cursor: string | null): Promise<Changes> {
    const now = String(this.appended.length);
    if (cursor === null) return { cursor: now, tasks: [], reason: null };
    if (!/^\d+$/.test(cursor) || Number(cursor) > this.appended.length)
      return { cursor: now, tasks: null, reason: "The cursor is not of this daemon's database." };
    const ids = new Set(this.appended.slice(Number(cursor)).map(({ taskId }) => taskId));
    const tasks = [...ids].map((id) => this.get(id));
    return { cursor: now, tasks, reason: null };
  }

  async countTasks(): Promise<TaskCounts> {
    const counts: TaskCounts["counts"] = {};
    for (const { state } of this.tasks.values()) counts[state] = (counts[state] ?? 0) + 1;
    return { counts, attention: 0, frozen: false };
  }

  health() {
    return { alive: true as const, version: "0.0.0", processId: "process_1", uptimeS: 1 };
  }

  async ready() {
    const { problems } = this;
    return { ready: problems.length === 0, problems, low_space: [], frozen: null };
  }

  presses = 0;
  tested: TestedPush = {
    channels: [{ name: "ntfy", problem: null }],
    id: "evt_1",
    noButton: null,
  };
  async testPush() {
    return this.tested;
  }

  async findPress() {
    return this.presses++ > 0 ? new Date("2026-01-01T00:00:04Z") : null;
  }

  /** By session. */
  readonly sessions = new Map<string, Device>();
  private pairing: Pairing | null = null;
  async openPairing(scope: Scope) {
    const link = randomBytes(16).toString("base64url");
    this.pairing = { code: "0123abcd", link, scope, expiresAt: new Date("2026-01-01T00:10:00Z") };
    return this.pairing;
  }

  async findPairing() {
    return this.pairing?.expiresAt ?? null;
  }

  readonly subscribed: unknown[] = [];
  pushKey() {
    return "BPublicKey";
  }

  async subscribe(deviceId: string, subscription: object) {
    this.subscribed.push({ deviceId, ...subscription });
  }

  async unsubscribe(deviceId: string) {
    this.subscribed.push({ deviceId, gone: true });
  }

  async signIn(code: string, name: string, earlier: string | null) {
    const { pairing } = this;
    if (pairing === null || ![pairing.code, pairing.link].includes(code))
      throw new DeputyError("forbidden", "That is not the code.", { field: "code" });
    this.pairing = null;
    const session = randomBytes(32).toString("base64url");
    const at = new Date("2026-01-01T00:00:00Z");
    const known = earlier === null ? undefined : this.sessions.get(earlier);
    const id = known?.id ?? newId("device");
    const device = { id, name, scope: pairing.scope, push: false, pairedAt: at, seenAt: at };
    if (earlier !== null) this.sessions.delete(earlier);
    this.sessions.set(session, device);
    return { session, device };
  }

  async findSession(session: string) {
    return this.sessions.get(session) ?? null;
  }

  async devices() {
    return [...this.sessions.values()];
  }

  async changeDevice(id: string, change: { name?: string; scope?: Scope }) {
    const [session, device] = this.findDevice(id);
    this.sessions.set(session, { ...device, ...change });
    return { ...device, ...change };
  }

  async revokeDevice(id: string) {
    const [session, device] = this.findDevice(id);
    this.sessions.delete(session);
    return device;
  }

  private findDevice(id: string) {
    const found = [...this.sessions].find(([, device]) => device.id === id);
    if (found) return found;
    throw new DeputyError("not_found", `There is no device ${id}.`, { field: "id" });
  }

  async freeze() {
    return this.readFreeze();
  }

  async thaw() {
    return this.readFreeze();
  }

  async readFreeze() {
    return { freeze: null, detail: "Deputy is not frozen." };
  }

  async agents() {
    return { agents: [], slots: { total: 0, busy: 0 }, processes: [] };
  }

  async attention() {
    return { items: [], archived: { ready: 0, failed: 0 } };
  }

  async repositories() {
    return [];
  }

  async preview(input: TaskInput) {
    const { goal: _, ...rest } = input;
    return {
      ...{ repository: rest.repository, base: { ref: "refs/heads/main", commit: "a".repeat(40) } },
      ...{ checks: [], setup: [], agent: "builtin", assurance: null, wouldAskPlanner: false },
      ...{ why: "asked for", warnings: [] },
    };
  }

  async cost(id: string) {
    this.get(id);
    return { totalUsd: 0, byRole: [], byModel: [], byAttempt: [], orchestrationShare: 0 };
  }

  async warm(repository: string) {
    const none = { baseRef: null, baseCommit: null, madeAt: null, setupMs: null, setup: [] };
    return { repository, state: "making" as const, detail: "Setup is running.", ...none };
  }

  async metrics() {
    return "deputy_up 1\n";
  }

  async receiveGithub(delivery: Parameters<Service["receiveGithub"]>[0]) {
    this.hooks.push(delivery);
    return delivery.signature
      ? { status: 202, message: "Received." }
      : { status: 401, message: "The signature is missing." };
  }

  async receiveForge(forge: string, { header }: Parameters<Service["receiveForge"]>[1]) {
    return header("x-gitlab-token") || header("x-gitea-signature")
      ? { status: 202, message: `Received from ${forge}.` }
      : { status: 401, message: "The signature is missing." };
  }

  async testTrigger(event: string | null, payload: Record<string, unknown>, forge: string | null) {
    return { event, payload, forge, fires: false };
  }
  async triggers() {
    return { file: "/home/triggers.yaml", problem: null, rules: [], deliveries: [] };
  }
  async resetTrigger(rule: string) {
    return { detail: `The breaker of ${rule} is closed.` };
  }
  async receiveHook({ authorization, name }: { name: string; authorization: string | undefined }) {
    if (authorization === "Bearer wrong")
      return { status: 401, message: "The hook's token is wrong.", deliveryId: null };
    return { status: 202, message: "Kept.", deliveryId: `hook:${name}:1` };
  }
  async tryRule(given: { rule: string; text: string | null }) {
    return { ...given, fires: true };
  }

  readonly schedule: ScheduleState = {
    ...{ name: "nightly", cron: "30 2 * * *", tz: "Europe/Berlin", catchUp: "one" as const },
    ...{ repository: "/srv/app", goal: "Tidy up", pausedAt: null, lastSlot: null, last: null },
    nextAt: new Date("2026-01-02T01:30:00Z"),
  };
  async listSchedules() {
    return [this.schedule];
  }
  async runSchedule(name: string) {
    if (name === this.schedule.name)
      return { deliveryId: "d", result: "change: x", taskId: "task_1" };
    throw new DeputyError("not_found", `There is no schedule ${name}; there are nightly.`);
  }
  async pauseSchedule() {
    return { ...this.schedule, pausedAt: new Date("2026-01-01T00:00:00Z"), nextAt: null };
  }
  async resumeSchedule() {
    return this.schedule;
  }

  emit(taskId: string, type: EventType, message: string, state?: TaskState, data = {}): void {
    const task = this.get(taskId);
    if (state) this.tasks.set(taskId, { ...task, state, hold: null });
    this.appended.push({
      seq: this.appended.length + 1,
      id: newId("event"),
      taskId,
      subtaskId: null,
      attemptId: null,
      type,
      message,
      data,
      at: new Date(),
    });
    for (const listener of this.listeners.get(taskId) ?? []) listener();
    for (const listener of this.newsListeners) listener();
  }

  change(id: string, change: Partial<Task>): void {
    this.tasks.set(id, { ...this.get(id), ...change });
  }

  private get(id: string): Task {
    const all = [...this.tasks.values()];
    const prefix = readTaskPrefix(id) ?? id;
    const found = id === "last" ? all.slice(-1) : all.filter((task) => task.id.startsWith(prefix));
    if (found.length > 1) throw new DeputyError("invalid_input", `${id} is ambiguous.`);
    if (!found[0]) throw new DeputyError("not_found", `There is no task ${id}.`);
    return found[0];
  }
}

function makeTask(input: TaskInput, origin: TaskOrigin): Task {
  const now = new Date();
  return {
    id: newId("task"),
    state: "queued",
    hold: { kind: "dependency", on: ["slot:plan"], reason: "no free planner" },
    epoch: 0,
    goal: input.goal,
    repository: input.repository,
    base: input.base ?? null,
    agentNamed: true,
    whenStuck: input.when_stuck ?? "ask",
    takenBack: 0,
    gateVerdict: null,
    agent: input.agent ?? "builtin",
    checks: input.checks ?? [],
    planInput: null,
    mode: input.mode ?? "auto",
    approval: input.approval ?? "none",
    attachments: input.attachments ?? [],
    delivery: input.deliver ?? "branch",
    expectsChange: true,
    allowTestChanges: input.allow_test_changes ?? false,
    includeUncommitted: input.include_uncommitted ?? false,
    fresh: false,
    allow: input.allow ?? [],
    proof: input.proof ?? null,
    assurance: input.assurance ?? null,
    attemptTimeoutMs: (input.timeout_minutes ?? 60) * 60_000,
    budget: input.budget ?? null,
    origin,
    preparation: null,
    headCommit: null,
    branch: null,
    deliveredCommit: null,
    deliveryUrl: null,
    endDetail: null,
    cancelRequestedAt: null,
    pausedAt: null,
    acceptedAt: null,
    rolledBackAt: null,
    discardedAt: null,
    prunedAt: null,
    stageFailures: 0,
    postponed: 0,
    createdAt: now,
    updatedAt: now,
    endedAt: null,
  };
}
