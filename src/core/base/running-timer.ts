/**
 * A time limit that counts only time in which this process ran. While it was stopped (SIGSTOP, a
 * debugger, a paused container, a sleeping machine) it could not receive what it waits for. Time is
 * measured in short steps, and a step that took much longer than planned counts as planned. Events
 * that are already pending when the limit is reached (an exit, a reply) are handled first: if they
 * stop the timer, the limit is not enforced.
 */
export type RunningTimer = {
  /** Milliseconds in which this process ran since the start or the last restart. */
  elapsedMs(): number;
  /** Count from zero again, to this limit from now on; by default to the same one. */
  restart(limitMs?: number): void;
  stop(): void;
};

const stepMs = 500;
/** A busy process may be this late while still running. */
const maxLateMs = 1_000;

/** `onLimit` is called once, unless stopped before; `now` is a monotonic clock. */
export function startRunningTimer(
  limitMs: number,
  onLimit: () => void,
  now: () => number = () => performance.now(),
): RunningTimer {
  let limit = limitMs;
  let counted = 0;
  let lookedAt = now();
  let plannedMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let due: NodeJS.Immediate | undefined;
  let isOver = false;
  const sinceLook = () => {
    const ms = now() - lookedAt;
    return ms > plannedMs + maxLateMs ? plannedMs : ms;
  };
  const plan = () => {
    plannedMs = Math.max(1, Math.min(stepMs, limit - counted));
    timer = setTimeout(look, plannedMs);
  };
  const look = () => {
    counted += sinceLook();
    lookedAt = now();
    if (counted < limit) return plan();
    // Timers run before I/O callbacks: one event-loop round later those have run.
    due = setImmediate(() => {
      due = undefined;
      if (isOver || counted < limit) return;
      isOver = true;
      onLimit();
    });
  };
  const stop = () => {
    isOver = true;
    clearTimeout(timer);
    clearImmediate(due);
  };
  plan();
  return {
    elapsedMs: () => counted + sinceLook(),
    restart: (limitMs = limit) => {
      if (isOver) return;
      limit = limitMs;
      counted = 0;
      lookedAt = now();
      if (due === undefined && limit >= plannedMs) return; // the current step checks again
      clearTimeout(timer);
      clearImmediate(due);
      due = undefined;
      plan();
    },
    stop,
  };
}
