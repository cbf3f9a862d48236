import { randomUUID } from "node:crypto";
import type { Inbox } from "../inbox.ts";
import { decideTests, type Seen, unseen } from "./decide-tests.ts";
import { type Scope, scopeOf, type WatchRule } from "./watch-rule.ts";
import type { WatchPayload } from "./watch-source.ts";
import { type WatchedTree, watchTree } from "./watch-tree.ts";

/**
 * One watch. Once nothing changed for a moment it takes a snapshot of the checkout and compares its
 * content with that of the last look; only another one is looked at. A run on content that is no
 * longer there is given up for the newer one, but not without end: whoever changes files all the time
 * gets a result, too. What was seen is a row, written after its event, so a look that a crash cut off
 * is made again and stores no second event.
 *
 * Whatever keeps it from looking is a sentence for people, and is tried again every minute; so is a
 * checkout that cannot be listened to.
 */
export type WatchState = {
  rule: string;
  id: string;
  definition: string;
  state: string | null;
  commit: string | null;
  result: Seen["result"];
  failing: string[];
  isNamed: boolean;
  detail: string | null;
  trouble: string | null;
  events: number;
  deliveryId: string | null;
};

export type Snapshot = {
  commit: string;
  /** Equal for equal content of the files in scope. */
  state: string;
  /** How many files are in scope. */
  files: number;
};

export type WatchRun = {
  result: "green" | "red" | "unknown";
  /** Failed in both runs. */
  failing: string[];
  isNamed: boolean;
  detail: string;
  output: string;
};

export type WatchWork = {
  /** The checkout's root, and the folders that git ignores there. */
  survey(repository: string): Promise<{ root: string; ignored: string[]; files: string[] }>;
  /** A commit of all that git does not ignore. Kept as `name` until the next of that name. */
  take(about: WatchPlace, name: string): Promise<Snapshot>;
  /** Paths in scope that differ; null: one of the commits is gone. */
  compare(about: WatchPlace, from: string, to: string): Promise<string[] | null>;
  /** A red run is repeated on the same snapshot. Throws the signal's reason when aborted. */
  run(about: WatchPlace, commit: string, signal: AbortSignal): Promise<WatchRun>;
  /** Keeps a snapshot for the task that starts from it. */
  keep(about: WatchPlace, commit: string, event: number): Promise<void>;
};
export type WatchPlace = { rule: WatchRule; scope: Scope };

export type WatchDeps = {
  work: WatchWork;
  /** Whether a run would keep no task waiting. */
  isFree: () => Promise<boolean>;
  rows: {
    find(rule: string): Promise<(WatchState & { seenAt: Date }) | null>;
    put(row: WatchState): Promise<void>;
    keep(rules: readonly string[]): Promise<void>;
  };
  insert: Inbox["insert"];
  onStored: () => void;
  /** Whether a person said no to what became of a delivery. */
  isDeclined: (deliveryId: string) => Promise<boolean>;
  /** Takes back what became of a delivery, where nobody has begun or answered yet. */
  withdraw: (deliveryId: string, why: string) => Promise<void>;
  log: (level: "info" | "warn", fields: object, message: string) => void;
};

export type WatchView = { row: (WatchState & { seenAt: Date }) | null; problem: string | null };

export type OpenedWatch = {
  problems(): string[];
  show(): Promise<WatchView>;
  stop(): Promise<void>;
};

const retryMs = 60_000;
const busyMs = 5_000;
const longestChangesMs = 10 * 60_000;
const maxSuperseded = 3;
/** Each is a watch of the kernel's, which all programs of a user share. */
export const maxWatched = 20_000;

export function openWatch(rule: WatchRule, deps: WatchDeps): OpenedWatch {
  const place: WatchPlace = { rule, scope: scopeOf(rule) };
  const { rows, work } = deps;
  let tree: WatchedTree | null = null;
  let looking: Promise<void> = Promise.resolve();
  let peeking: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let running: { state: string; controller: AbortController } | null = null;
  let superseded = 0;
  let isTried = false;
  let problem: string | null = null;
  /** Why the last run says nothing. */
  let trouble: string | null = null;
  /** Why changes are not heard of. */
  let deafness: string | null = null;
  let changingSince: number | null = null;
  let stopped = false;

  const ask = (ms: number) => {
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(wake, ms);
  };
  /** Once it is quiet; one who never rests is looked at all the same. */
  const onChange = () => {
    changingSince ??= Date.now();
    const left = changingSince + longestChangesMs - Date.now();
    ask(Math.max(0, Math.min(rule.debounceMs, left)));
  };
  const wake = () => {
    changingSince = null;
    if (running) peeking = peeking.then(peek);
    else looking = looking.then(look);
  };
  const note = (sentence: string) => {
    if (problem !== sentence) deps.log("warn", { rule: rule.name }, sentence);
    problem = sentence;
  };

  /** While its command runs: gives the run up if it is about content that is gone. */
  const peek = async () => {
    try {
      const { state } = await work.take(place, "peek");
      if (running && running.state !== state && superseded < maxSuperseded) {
        superseded++;
        running.controller.abort(new Error("the files have changed since"));
      }
    } catch (error) {
      // The look that follows says what is wrong.
      deps.log("info", { rule: rule.name, err: error }, "could not look at a checkout");
    }
    looking = looking.then(look);
  };

  const listen = async () => {
    const { files, ignored, root } = await work.survey(rule.repository);
    const count = files.filter(place.scope.holds).length;
    if (tree) return tree.ignore(ignored);
    const before = deafness;
    deafness = null;
    const deafen = (why: string) => {
      deafness = `The watch ${rule.name} looks at ${rule.repository} only every minute: ${why}.`;
      if (deafness !== before) deps.log("warn", { rule: rule.name }, deafness);
      tree = null;
      ask(retryMs);
    };
    if (count > maxWatched) {
      deafen(
        `it has ${count} files, and at most ${maxWatched} are watched; name fewer in \`paths\``,
      );
      return;
    }
    const opened = await watchTree({
      ...{ root, ignored, scope: place.scope },
      onChange,
      onFailure: (error) => deafen(explainDeafness(error)),
    });
    if (deafness === null) tree = opened;
  };

  const look = async () => {
    clearTimeout(timer);
    if (stopped) return;
    try {
      await listen();
      if (!(await deps.isFree())) return ask(busyMs);
      await lookAtFiles();
      superseded = 0;
      problem = null;
      if (deafness !== null) ask(retryMs);
    } catch (error) {
      if (stopped) return;
      if (running?.controller.signal.aborted) return; // the change that ended it looks next
      // It is there again, or was replaced, before the next look.
      await tree?.close();
      tree = null;
      const why = error instanceof Error ? error.message : String(error);
      note(`The watch ${rule.name} cannot look at ${rule.repository}: ${withoutStop(why)}.`);
      ask(retryMs);
    } finally {
      running = null;
    }
  };

  const lookAtFiles = async () => {
    const taken = await work.take(place, "seen");
    const definition = JSON.stringify([rule.repository, rule.paths, rule.ignore, rule.command]);
    const stored = await rows.find(rule.name);
    const { seenAt: _, ...row } =
      stored?.definition === definition
        ? stored
        : { ...begun(rule.name, definition), seenAt: null };
    // What is missing may be there since the daemon, or the rule, is new.
    const isTriedAgain = rule.command !== null && row.trouble !== null && !isTried;
    if (row.state === taken.state && !isTriedAgain) return tell(row);
    if (rule.command === null) await settleFiles(row, taken);
    else await settleRun(row, taken);
    isTried = true;
  };

  const put = async (row: WatchState) => {
    await rows.put(row);
    tell(row);
  };
  const tell = (row: WatchState) => {
    const sentence = row.trouble && `The watch ${rule.name} says nothing: ${row.trouble}.`;
    if (sentence && trouble !== sentence) deps.log("warn", { rule: rule.name }, sentence);
    trouble = sentence;
  };

  const settleFiles = async (row: WatchState, taken: Snapshot) => {
    const { commit, state } = taken;
    const trouble = taken.files === 0 ? "no file fits its `paths`" : null;
    const next = { ...row, state, commit, trouble };
    if (row.state === null) return put({ ...next, detail: "seen for the first time" });
    const changed = row.commit && (await work.compare(place, row.commit, commit));
    await store(next, { red: null, changed: changed || [] }, "its files changed");
  };

  const settleRun = async (row: WatchState, taken: Snapshot) => {
    const { commit, state } = taken;
    const controller = new AbortController();
    running = { state, controller };
    if (stopped) controller.abort();
    const run = await work.run(place, commit, controller.signal);
    const isDeclined = row.deliveryId !== null && (await deps.isDeclined(row.deliveryId));
    const { event, seen } = decideTests(row, run, isDeclined);
    const trouble = run.result === "unknown" ? run.detail : null;
    const next = {
      ...{ ...row, ...seen, failing: [...seen.failing], state, commit, trouble },
      detail: run.detail,
    };
    const first =
      row.result === null && seen.result === "red" ? "; nothing until it was green" : "";
    const said = `The watch ${rule.name}: ${run.result}, ${run.detail}${first}`;
    deps.log("info", { rule: rule.name, commit }, said);
    if (event) {
      const { detail, output } = run;
      const { failing, wasGreen } = event;
      const red = { failing: [...failing], wasGreen, detail, output };
      return store(next, { red, changed: [] }, wasGreen ? "green → red" : "more tests fail");
    }
    if (run.result === "green" && row.result === "red" && row.deliveryId !== null)
      await deps.withdraw(row.deliveryId, `\`${rule.command}\` is green again`);
    await put(next);
  };

  /** The event first: a crash between the two finds the same one again. */
  const store = async (
    row: WatchState,
    what: Pick<WatchPayload, "red" | "changed">,
    why: string,
  ) => {
    const { commit } = row;
    const events = row.events + 1;
    const deliveryId = `watch:${rule.name}:${row.id}:${events}`;
    await work.keep(place, commit ?? "", events);
    const payload: WatchPayload = {
      ...{ rule: rule.name, snapshot: commit ?? "", at: new Date().toISOString() },
      ...what,
    };
    await deps.insert({ deliveryId, source: "watch", event: "seen", action: null, payload });
    await put({ ...row, events, deliveryId });
    deps.log("info", { rule: rule.name, deliveryId }, `The watch ${rule.name}: ${why}`);
    deps.onStored();
  };

  ask(0);
  const problems = () => [problem, trouble, deafness].filter((one) => one !== null);
  return {
    problems,
    show: async () => ({ row: await rows.find(rule.name), problem: problems()[0] ?? null }),
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      running?.controller.abort(new Error("the watch is closed"));
      await Promise.all([looking, peeking]);
      await tree?.close();
    },
  };
}

function begun(rule: string, definition: string): WatchState {
  return {
    ...{ rule, id: randomUUID().slice(0, 8), definition, state: null, commit: null },
    ...{ ...unseen, failing: [], detail: null, trouble: null, events: 0, deliveryId: null },
  };
}

function explainDeafness(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOSPC"
    ? "the system allows no more watched files; raise fs.inotify.max_user_watches, or name fewer in `paths`"
    : code === "EMFILE"
      ? "the system allows no more watchers; raise fs.inotify.max_user_instances"
      : withoutStop(error.message);
}

function withoutStop(message: string): string {
  return message.replace(/\.$/, "");
}
