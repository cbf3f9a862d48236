/**
 * What a look at a watched command means, given what was seen before. Pure.
 *
 * Only what was seen to work can break: the first look starts nothing, whatever it says. Green→red is
 * an event, once. While it is red, a test that fails and did not before is one, too; but each is told
 * of once until all is green, so a test that flaps rings once. After a person's "no" nothing is, until
 * it was green. A look that says nothing (it could not start, it timed out, it fails only sometimes)
 * changes nothing.
 */
export type Seen = {
  result: "green" | "red" | null;
  /** All that failed since it was green. */
  failing: readonly string[];
  /** Whether the red runs name their tests. */
  isNamed: boolean;
};

export type Look =
  | { result: "green" }
  | { result: "red"; failing: readonly string[]; isNamed: boolean }
  | { result: "unknown" };

export type Decision = {
  seen: Seen;
  /** Null: nothing starts. */
  event: { failing: readonly string[]; wasGreen: boolean } | null;
};

export const unseen: Seen = { result: null, failing: [], isNamed: false };

/** `isDeclined`: a person said no to the last event. */
export function decideTests(seen: Seen, look: Look, isDeclined: boolean): Decision {
  if (look.result === "unknown") return { seen, event: null };
  if (look.result === "green")
    return { seen: { result: "green", failing: [], isNamed: false }, event: null };
  const { failing, isNamed } = look;
  const red = (all: readonly string[]): Seen => ({ result: "red", failing: all, isNamed });
  if (seen.result === null) return { seen: red(failing), event: null };
  if (seen.result === "green") return { seen: red(failing), event: { failing, wasGreen: true } };
  const known = new Set(seen.failing);
  const added = failing.filter((name) => !known.has(name));
  const all = red([...seen.failing, ...added]);
  // Which tests were red is known of runs that named them.
  const isComparable = seen.isNamed && isNamed;
  return added.length === 0 || !isComparable || isDeclined
    ? { seen: all, event: null }
    : { seen: all, event: { failing: added, wasGreen: false } };
}
