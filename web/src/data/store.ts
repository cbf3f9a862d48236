import { useEffect, useState } from "preact/hooks";

/** A value that several parts of the page follow. */
export type Store<Value> = {
  get(): Value;
  set(value: Value): void;
  /** Calls `follow` after every change, until the returned function is called. */
  follow(follow: (value: Value) => void): () => void;
};

export function createStore<Value>(first: Value): Store<Value> {
  let value = first;
  const followers = new Set<(value: Value) => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const follow of [...followers]) follow(value);
    },
    follow(follow) {
      followers.add(follow);
      return () => void followers.delete(follow);
    },
  };
}

/** The store's value; the component is drawn again when it changes. */
export function useStore<Value>(store: Store<Value>): Value {
  const [value, setValue] = useState(() => store.get());
  useEffect(() => {
    setValue(() => store.get()); // it may have changed before this effect ran
    return store.follow((next) => setValue(() => next));
  }, [store]);
  return value;
}
