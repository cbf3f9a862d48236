import { useMemo } from "preact/hooks";
import { Empty, Skeleton } from "../../../parts/shown.tsx";
import { useNow } from "../../../parts/time.tsx";
import { isOver, type TabProps } from "../types.ts";
import { EventList } from "./event-list.tsx";
import { layOutTimeline } from "./lay-out-timeline.ts";
import "./story.css";
import { Timelines } from "./timeline.tsx";
import { useEvents } from "./use-events.ts";

/** What happened: a timeline for each subtask, and all of it in sentences. */
export default function Story({ detail }: TabProps) {
  const { task, subtasks } = detail;
  const { events, problem, loading, isCut, refresh } = useEvents(task.id);
  const now = useNow(isOver(task) ? 3_600_000 : 5_000);
  const timeline = useMemo(() => layOutTimeline(detail, events, now), [detail, events, now]);
  const keys = useMemo(
    () => new Map(subtasks.length < 2 ? [] : subtasks.map(({ id, key }) => [id, key])),
    [subtasks],
  );
  return (
    <div class="story">
      {timeline.lanes.length > 0 && <Timelines timeline={timeline} />}
      {problem && (
        <p class="problem" role="alert">
          {problem.message}{" "}
          <button type="button" class="link" onClick={refresh}>
            Try again
          </button>
        </p>
      )}
      {isCut && <p class="hint">This story is very long: only its beginning is shown here.</p>}
      {loading && events.length === 0 && <Skeleton lines={4} />}
      {!loading && events.length === 0 && !problem && (
        <Empty
          title={
            task.pruned_at === null
              ? "Nothing has happened yet."
              : "Its events were removed long after its end."
          }
        />
      )}
      {events.length > 0 && <EventList events={events} keys={keys} />}
    </div>
  );
}
