import { useEffect, useState } from "preact/hooks";
import { formatAge } from "./words.ts";

/** A time relative to now, with the absolute one on hover and for screen readers. */
export function Time({ at, prefix = "" }: { at: string | number; prefix?: string }) {
  const now = useNow(30_000);
  const date = new Date(at);
  const distance = now - date.getTime();
  const words =
    Math.abs(distance) < 10_000
      ? "just now"
      : distance > 0
        ? `${formatAge(distance)} ago`
        : `in ${formatAge(-distance)}`;
  return (
    <time dateTime={date.toISOString()} title={date.toLocaleString()}>
      {prefix}
      {words}
    </time>
  );
}

/** The time, read again every `everyMs`. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
