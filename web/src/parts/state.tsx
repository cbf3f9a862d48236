/** A state in a word, with a mark whose shape tells it without its colour. */
type Look = { tone: "run" | "ask" | "good" | "bad" | "off"; mark: string };

const looks: Record<string, Look> = {
  queued: { tone: "off", mark: "○" },
  blocked: { tone: "off", mark: "○" },
  ready: { tone: "off", mark: "○" },
  planning: { tone: "run", mark: "◐" },
  running: { tone: "run", mark: "◐" },
  verifying: { tone: "run", mark: "◑" },
  integrating: { tone: "run", mark: "◑" },
  recovering: { tone: "run", mark: "◒" },
  delivering: { tone: "run", mark: "◑" },
  waiting: { tone: "ask", mark: "?" },
  paused: { tone: "ask", mark: "‖" },
  completed: { tone: "good", mark: "✓" },
  accepted: { tone: "good", mark: "✓" },
  failed: { tone: "bad", mark: "×" },
  cancelled: { tone: "off", mark: "–" },
  superseded: { tone: "off", mark: "–" },
};

export function State({ state }: { state: string }) {
  const { tone, mark } = looks[state] ?? { tone: "off", mark: "·" };
  return (
    <span class={`state ${tone}`}>
      <span aria-hidden="true">{mark}</span> {state}
    </span>
  );
}

/** Of a task: a paused one is said to be paused, whatever it would do. */
export const stateOf = (task: {
  state: string;
  paused_at: string | null;
  ended_at: string | null;
}): string => (task.paused_at !== null && task.ended_at === null ? "paused" : task.state);
