import { useCallback, useState } from "preact/hooks";

/**
 * What somebody typed and has not sent: kept for as long as the tab is open, so that a reload loses
 * nothing. A browser that keeps nothing for a page keeps it in memory alone.
 */
export function useDraft<Value>(
  key: string,
  first: Value,
): [draft: Value, set: (draft: Value) => void, clear: () => void] {
  const name = `deputy:draft:${key}`;
  const [draft, setDraft] = useState<Value>(
    () => readStored(sessionStorageOrNull(), name) ?? first,
  );
  const set = useCallback(
    (next: Value) => {
      setDraft(() => next);
      store(sessionStorageOrNull(), name, next);
    },
    [name],
  );
  const clear = useCallback(() => {
    setDraft(() => first);
    store(sessionStorageOrNull(), name, null);
  }, [name]);
  return [draft, set, clear];
}

export const sessionStorageOrNull = (): Storage | null => orNull(() => sessionStorage);

/** Storage that the browser may refuse, or that may hold what an older page wrote. */
export const orNull = <Value>(read: () => Value): Value | null => {
  try {
    return read();
  } catch {
    return null; // it is switched off, full, or unreadable: the page works without it
  }
};

export const readStored = <Value>(storage: Storage | null, name: string): Value | null =>
  orNull(() => JSON.parse(storage?.getItem(name) ?? "null") as Value | null);

/** Null removes it. */
export function store(storage: Storage | null, name: string, value: unknown): void {
  orNull(() =>
    value === null ? storage?.removeItem(name) : storage?.setItem(name, JSON.stringify(value)),
  );
}
