/** One entry of a conversation, in the same words for all three wires. */
export type Entry = {
  who: "system" | "user" | "assistant" | "tool";
  text: string;
  /** The ids of the calls it makes, or answers. */
  callIds: readonly string[];
};

/**
 * What the real services refuse in a conversation, in one sentence; null when there is nothing. A call
 * without its result, or a result without its call, is how a badly resumed conversation shows.
 */
export function findFlaw(entries: readonly Entry[]): string | null {
  const open = new Set<string>();
  const known = new Set<string>();
  for (const { who, callIds } of entries) {
    for (const id of callIds) {
      if (who === "assistant") {
        if (known.has(id)) return `the call id ${id} is used twice`;
        known.add(id);
        open.add(id);
      } else if (!known.has(id)) {
        return `No tool call found for the tool output with call_id ${id}.`;
      } else if (!open.delete(id)) {
        return `there are two tool outputs for the call ${id}`;
      }
    }
  }
  const [lost] = open;
  return lost === undefined ? null : `No tool output found for function call ${lost}.`;
}
