import type { AgentEnd } from "../agents/agent.ts";
import { startRunningTimer } from "../core/base/running-timer.ts";
import { noSigns, type SignsOfLife } from "../core/task/signs-of-life.ts";
import { measureTrees, type ProcessUse } from "../sandbox/process/measure-trees.ts";
import type { ProcessIdentity } from "../sandbox/process/process-identity.ts";

/**
 * Finds an agent that hangs, by evidence: no output and no model call, no processor time, nothing
 * read or written by any of its processes, no file changed. All of them must be missing for the
 * whole time. After half of it the agent is asked to go on; after all of it the processes are looked
 * at once more, and the run is stopped, so that recovery continues it from its checkpoint. That it
 * reads what it is asked shows nothing: its answer does.
 *
 * Only an agent with a running process can hang. Without one the daemon itself waits for a model,
 * which has a time limit of its own. Time in which the daemon was stopped does not count.
 */
export type StallWatch = {
  /** Aborted when the run hangs. */
  signal: AbortSignal;
  /** The daemon saw something that the agent said or did, or stored a change of its files. */
  seen(what: "output" | "files"): void;
  /** The daemon works for the agent, or makes it wait: until then its silence means nothing. */
  during<T>(work: Promise<T>): Promise<T>;
  addProcess(identity: ProcessIdentity): void;
  /** What the agent is to be told, once. */
  takeNudge(): string[];
  /** The end of the run, which is that it hung if it was stopped for that. */
  conclude<End extends AgentEnd>(end: End): End;
  close(): void;
};

export type StallOptions = {
  /** Null: no agent is stopped for its silence. */
  silentMs: number | null;
  /** For people, in the task's events. */
  notice: (text: string) => void;
  /** Called every half a minute while processes run; not in the first. */
  store: (signs: SignsOfLife) => void;
};

const maxLookMs = 5_000;
const storeMs = 30_000;
/** A program that hears the question reads it, and says so, whatever it waits for itself. */
const maxDeafLooks = 2;
/** A program that waits uses less: timers, collecting garbage. */
const busyShare = 0.01;

export function watchForStall(options: StallOptions): StallWatch {
  const { silentMs } = options;
  const stopping = new AbortController();
  const roots: ProcessIdentity[] = [];
  const signs: SignsOfLife = { ...noSigns };
  let known = new Map<string, ProcessUse>();
  let nudge: string | null = null;
  let detail: string | null = null;
  let isClosed = false;
  let waits = 0;
  /** Looks in which a program may still be reading what it was asked, which is no sign of life. */
  let deafLooks = 0;
  if (silentMs === null) return watchNothing(stopping.signal);

  const lookMs = Math.min(maxLookMs, silentMs / 10);
  const toStoreMs = Math.min(storeMs, silentMs / 2);
  let timer = startRunningTimer(silentMs / 2, askToGoOn);
  const startAgain = () => {
    nudge = null;
    if (isClosed || stopping.signal.aborted) return;
    timer.stop();
    timer = startRunningTimer(silentMs / 2, askToGoOn);
  };
  const seen = (kind: keyof SignsOfLife) => {
    signs[kind] = new Date().toISOString();
    startAgain();
  };

  function askToGoOn(): void {
    const half = describeSpan((silentMs ?? 0) / 2);
    nudge = `Nothing was seen of you for ${half}: no output, and no program at work. If you wait for something, stop waiting for it and go on.`;
    options.notice(`No sign of life for ${half}; it is asked to go on`);
    options.store(signs);
    timer = startRunningTimer((silentMs ?? 0) / 2, stop);
  }

  function stop(): void {
    const last = timer;
    look();
    if (timer !== last || isClosed) return; // something was seen at the last moment
    const count = known.size;
    detail = `it showed no sign of life for ${describeSpan(silentMs ?? 0)}: no output, no processor time, nothing read or written by its ${count === 1 ? "process" : `${count} processes`}, no file changed`;
    stopping.abort("stalled");
  }

  const look = () => {
    const now = measureTrees(roots);
    // Nothing runs that could hang, or nobody can see it, or it waits for the daemon.
    if (now === null || now.size === 0 || waits > 0) startAgain();
    if (now === null) return;
    let cpuMs = 0;
    let bytes = 0;
    for (const [name, use] of now) {
      const before = known.get(name);
      cpuMs += use.cpuMs - (before?.cpuMs ?? 0);
      bytes += (use.bytes ?? 0) - (before?.bytes ?? 0);
    }
    known = now;
    if (deafLooks > 0) {
      deafLooks--;
      return;
    }
    if (cpuMs > busyShare * lookMs) seen("processor");
    if (bytes > 0) seen("bytes");
  };
  const looking = setInterval(look, lookMs);
  const storing = setInterval(() => {
    if (known.size > 0) options.store(signs);
  }, toStoreMs);
  looking.unref();
  storing.unref();

  return {
    signal: stopping.signal,
    seen,
    during: async (work) => {
      waits++;
      try {
        return await work;
      } finally {
        waits--;
      }
    },
    addProcess: (identity) => roots.push(identity),
    takeNudge: () => {
      if (nudge === null) return [];
      const taken = [nudge];
      nudge = null;
      deafLooks = maxDeafLooks;
      return taken;
    },
    conclude: (end) =>
      detail === null || end.reason === "done"
        ? end
        : { ...end, reason: "stalled", failure: "hung", detail },
    close: () => {
      isClosed = true;
      timer.stop();
      clearInterval(looking);
      clearInterval(storing);
    },
  };
}

function watchNothing(signal: AbortSignal): StallWatch {
  return {
    signal,
    seen: () => {},
    during: (work) => work,
    addProcess: () => {},
    takeNudge: () => [],
    conclude: (end) => end,
    close: () => {},
  };
}

function describeSpan(ms: number): string {
  const seconds = Math.round(ms / 100) / 10;
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
