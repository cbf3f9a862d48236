import { useEffect } from "preact/hooks";

/**
 * Looks at something the daemon sends no news of, `everyMs` after the look before has ended, for as
 * long as the look answers true. It ends with the part that asks for it: a look that is under way is
 * broken off, and none follows. Null: it does not look. `look` settles its own failures.
 */
export function usePoll(
  look: ((signal: AbortSignal) => Promise<boolean>) | null,
  everyMs: number,
): void {
  useEffect(() => {
    if (look === null) return;
    const end = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const wait = () => {
      timer = setTimeout(async () => {
        const isOver = !(await look(end.signal));
        if (!isOver && !end.signal.aborted) wait();
      }, everyMs);
    };
    wait();
    return () => {
      end.abort();
      clearTimeout(timer);
    };
  }, [look, everyMs]);
}
