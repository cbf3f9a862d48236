import { useState } from "preact/hooks";
import type { EventView } from "../../../../../src/api/event.ts";
import { OutsideText } from "../../../parts/outside-text.tsx";
import { Time } from "../../../parts/time.tsx";

/** The story in sentences, the newest first; older ones are shown when they are asked for. */
const step = 100;
const marks: Record<string, string> = { plain: "·", good: "✓", bad: "×", ask: "!", dim: "" };

export function EventList({
  events,
  keys,
}: {
  events: readonly EventView[];
  /** Which subtask an id is; empty where there is one alone. */
  keys: ReadonlyMap<string, string>;
}) {
  const [shown, setShown] = useState(step);
  const newest = events.slice(-shown).toReversed();
  const older = events.length - newest.length;
  return (
    <section aria-label="Events">
      <ol class="events" reversed>
        {newest.map((event) => {
          const key = event.subtask_id === null ? undefined : keys.get(event.subtask_id);
          const tone = event.tone ?? "plain";
          return (
            <li key={event.seq} class={`event ${tone}`}>
              <Time at={event.at} />
              <span class="event-label">{event.label ?? event.type}</span>
              <span class="event-mark" aria-hidden="true">
                {marks[tone] ?? "·"}
              </span>
              <span class="event-words">
                {key && (
                  <>
                    <strong>
                      <OutsideText text={key} />
                    </strong>
                    :{" "}
                  </>
                )}
                <OutsideText text={event.message} />
              </span>
            </li>
          );
        })}
      </ol>
      {older > 0 && (
        <button type="button" class="button plain" onClick={() => setShown(shown + 5 * step)}>
          Load older ({older} more)
        </button>
      )}
    </section>
  );
}
