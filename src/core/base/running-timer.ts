/**
 * A time limit in time in which this process ran. While it was stopped (SIGSTOP, a debugger, a paused
 * container, a machine that slept) nothing could be heard of what it waits for, so that time is not
 * counted: it is looked at in short steps, and a step that took much longer than it should counts as
 * the step. What is already there to be heard when the limit is reached, the end of a process or a
 * reply, is heard first: whoever finished by then stops the timer, and the limit is not enforced.
 */
export type RunningTimer = {
  /** Milliseconds in which this process ran since the start, or since it was restarted. */
  elapsedMs(): number;
  /** Count from zero again, to this limit from now on; left out: to the same. */
  restart(limitMs?: number): void;
  stop(): void;
};

const stepMs = 500;
/** A busy process is late by this much and runs all the same. */
const maxLateMs = 1_000;

/** `onLimit` is called once, unless it is stopped before; `now` is a clock that only goes forward. */
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
    // Timers come before what the system has to tell: one round later that has been told.
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
      if (due === undefined && limit >= plannedMs) return; // the step that is under way looks again
      clearTimeout(timer);
      clearImmediate(due);
      due = undefined;
      plan();
    },
    stop,
  };
}
