import { isDeepStrictEqual } from "node:util";
import { type OpenedWatch, openWatch, type WatchDeps, type WatchView } from "./open-watch.ts";
import type { WatchRule } from "./watch-rule.ts";

/** All watches of the rules in force; each looks by itself (open-watch.ts). */
export type Watches = {
  /** The rules changed: those that are the same go on. */
  onRules(): void;
  /** What keeps watches from saying anything, in sentences. */
  problems(): string[];
  /** What a watch sees; null: it is not open yet. */
  show(name: string): Promise<WatchView | null>;
  stop(): Promise<void>;
};

export function startWatches(
  deps: WatchDeps & {
    /** Null: not known yet. */
    rules: () => readonly WatchRule[] | null;
  },
): Watches {
  const open = new Map<string, { rule: WatchRule; watch: OpenedWatch }>();
  let changing: Promise<void> = Promise.resolve();
  let stopped = false;

  const follow = async () => {
    const rules = deps.rules();
    if (rules === null || stopped) return;
    for (const [name, { rule, watch }] of open) {
      if (rules.some((one) => isDeepStrictEqual(one, rule))) continue;
      open.delete(name);
      await watch.stop();
    }
    try {
      await deps.rows.keep(rules.map(({ name }) => name));
    } catch (error) {
      // A row too many does no harm.
      deps.log("warn", { err: error }, "could not forget the watches whose rules are gone");
    }
    for (const rule of rules)
      if (!open.has(rule.name)) open.set(rule.name, { rule, watch: openWatch(rule, deps) });
  };
  const onRules = () => {
    changing = changing.then(follow);
  };
  onRules();
  return {
    onRules,
    problems: () => [...open.values()].flatMap(({ watch }) => watch.problems()),
    show: async (name) => (await open.get(name)?.watch.show()) ?? null,
    stop: async () => {
      stopped = true;
      await changing;
      await Promise.all([...open.values()].map(({ watch }) => watch.stop()));
    },
  };
}
