import { type QuietHours, weekdays } from "../../core/settings/notify-settings.ts";

/**
 * Quiet hours are times of a wall clock; everything else is instants. The window that began today or
 * yesterday, by that clock, is turned into two instants, and whether it is quiet is a comparison. Where
 * the clock is set forward over a time, that time is the moment of the change; where it is set back,
 * quiet begins with the first of the two and ends with the second, so it is never cut short.
 */
export type QuietWindow = { from: Date; to: Date };

/** The window that `now` is in; null: it is not quiet. */
export function findQuietWindow(quiet: QuietHours | null, now: Date): QuietWindow | null {
  if (quiet === null) return null;
  const today = readWall(now, quiet.tz);
  const overnight = quiet.to <= quiet.from ? 1 : 0;
  for (const back of [0, 1]) {
    const day = today.day - back;
    if (!quiet.days.includes(weekdayOf(day))) continue;
    const from = toInstant({ day, minute: quiet.from }, quiet.tz, "first");
    const to = toInstant({ day: day + overnight, minute: quiet.to }, quiet.tz, "last");
    if (from <= now && now < to) return { from, to };
  }
  return null;
}

/** A wall clock's time: days since 1970, and minutes of that day. */
type Wall = { day: number; minute: number };

const dayMs = 24 * 60 * 60_000;

function readWall(at: Date, tz: string): Wall {
  const wallMs = at.getTime() + offsetMs(at, tz);
  const day = Math.floor(wallMs / dayMs);
  return { day, minute: Math.floor((wallMs - day * dayMs) / 60_000) };
}

/** 1970 began on a Thursday. */
function weekdayOf(day: number) {
  return weekdays[(((day + 3) % 7) + 7) % 7] ?? "mon";
}

/** How far the wall clock is ahead of UTC. */
function offsetMs(at: Date, tz: string): number {
  const parts = new Intl.DateTimeFormat("en", {
    ...{ timeZone: tz, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric" },
    ...{ hour: "numeric", minute: "numeric", second: "numeric" },
  }).formatToParts(at);
  const of = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  const wall = Date.UTC(
    of("year"),
    of("month") - 1,
    of("day"),
    of("hour"),
    of("minute"),
    of("second"),
  );
  return wall - Math.floor(at.getTime() / 1_000) * 1_000;
}

/**
 * The instant at which the wall clock shows this time. Its offset is that of a day before or of a day
 * after: the two differ only around a change, where one of them, both or neither gives this time.
 */
function toInstant({ day, minute }: Wall, tz: string, which: "first" | "last"): Date {
  const wallMs = day * dayMs + minute * 60_000;
  const offsets = [-dayMs, dayMs].map((far) => offsetMs(new Date(wallMs + far), tz));
  const candidates = offsets.map((offset) => wallMs - offset).sort((a, b) => a - b);
  const real = candidates.filter((at) => offsetMs(new Date(at), tz) === wallMs - at);
  const chosen = which === "first" ? real[0] : real.at(-1);
  if (chosen !== undefined) return new Date(chosen);
  return new Date(findChange(candidates[0] ?? wallMs, candidates[1] ?? wallMs, tz));
}

/** The moment between the two at which the clock was set forward. */
function findChange(before: number, after: number, tz: string): number {
  const offset = offsetMs(new Date(before - dayMs), tz);
  let [low, high] = [before - dayMs, after + dayMs];
  while (high - low > 1_000) {
    const middle = Math.floor((low + high) / 2_000) * 1_000;
    if (offsetMs(new Date(middle), tz) === offset) low = middle;
    else high = middle;
  }
  return high;
}
