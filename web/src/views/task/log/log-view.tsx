import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useKeys } from "../../../parts/keys.tsx";
import { Empty, Skeleton } from "../../../parts/shown.tsx";
import { formatCount, plural } from "../../../parts/words.ts";
import { taskPath } from "../task-path.ts";
import { readSegments } from "./ansi-segments.ts";
import { LogText } from "./log-text.tsx";
import { type LogWindow, startOf } from "./log-window.ts";
import { stepHit } from "./step-hit.ts";
import { useLog } from "./use-log.ts";

/** One log: its end at first, older parts on the way up; at the end it follows what is written. */
export function LogView({
  taskId,
  subtask,
  attempt,
  isRunning,
  picker,
}: {
  taskId: string;
  subtask: string;
  attempt: number;
  isRunning: boolean;
  picker: preact.JSX.Element;
}) {
  const [follow, setFollow] = useState(true);
  const { window, problem, loaded, busy, readOlder, readEnd } = useLog(
    { taskId, subtask, attempt, isRunning },
    follow,
  );
  const [search, setSearch] = useState("");
  const find = search.trim().toLowerCase();
  const box = useRef<HTMLElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const hits = useMemo(() => countHits(window, find), [window, find]);
  useKeepPlace(box, window, follow);

  const keys = useKeys([
    { key: "/", words: "search the log", act: () => field.current?.focus() },
    { key: "f", words: "follow the log's end", act: () => goToEnd() },
    { key: "o", words: "load older lines of the log", act: () => void readOlder() },
  ]);
  const goToEnd = () => {
    setFollow(true);
    if (!window.hasNewest) readEnd();
  };
  const scrolled = () => {
    const element = box.current;
    if (!element) return;
    const fromEnd = element.scrollHeight - element.scrollTop - element.clientHeight;
    setFollow(fromEnd < 40 && window.hasNewest);
    if (element.scrollTop < 200 && loaded && !busy && startOf(window) > 0) void readOlder();
  };
  const query = new URLSearchParams({ subtask, attempt: String(attempt) });

  return (
    <section aria-label={`Log of attempt ${attempt}`} {...keys}>
      <div class="log-bar">
        {picker}
        <label class="picker">
          <span>Search</span>
          <input
            ref={field}
            type="search"
            value={search}
            placeholder="in what is loaded"
            onInput={(event) => setSearch(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter") showHit(box.current, event.shiftKey ? -1 : 1);
            }}
          />
        </label>
        <p class="soft figure" role="status">
          {find === "" ? size(window) : `${plural(hits, "hit")} in what is loaded`}
        </p>
        <button
          type="button"
          class="button plain"
          aria-pressed={follow}
          onClick={() => (follow ? setFollow(false) : goToEnd())}
        >
          {isRunning ? "Follow" : "To the end"}
        </button>
        <a
          class="button plain"
          href={taskPath(taskId, `/log?${query}&tail_bytes=${8 * 1024 * 1024}`)}
          download={`${taskId}-${subtask}-${attempt}.log`}
        >
          Download
        </a>
      </div>
      {problem && (
        <p class="problem" role="alert">
          {problem.message}
        </p>
      )}
      {!loaded && <Skeleton lines={6} />}
      {loaded && window.total === 0 && !problem && (
        <Empty
          title={
            isRunning ? "It has written nothing yet." : "It wrote nothing, or its log was removed."
          }
        />
      )}
      {loaded && window.total > 0 && (
        <section
          class="log-box"
          ref={box}
          onScroll={scrolled}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
          tabIndex={0}
          aria-label="Lines"
        >
          {startOf(window) > 0 && (
            <button
              type="button"
              class="button plain"
              disabled={busy}
              onClick={() => void readOlder()}
            >
              Load older ({formatCount(startOf(window))} bytes before)
            </button>
          )}
          {window.chunks.map((chunk) => (
            <LogText key={chunk.from} text={chunk.text} find={find} />
          ))}
          {!window.hasNewest && <p class="soft">Newer lines are not loaded any more.</p>}
        </section>
      )}
    </section>
  );
}

/** At the end it stays there; when older lines come in front, what was read stays where it was. */
function useKeepPlace(
  box: { current: HTMLElement | null },
  window: LogWindow,
  follow: boolean,
): void {
  const before = useRef({ start: 0, height: 0 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const start = startOf(window);
    if (follow) element.scrollTop = element.scrollHeight;
    else if (start < before.current.start)
      element.scrollTop += element.scrollHeight - before.current.height;
    before.current = { start, height: element.scrollHeight };
  });
  useEffect(() => {
    const element = box.current;
    if (element && follow) element.scrollTop = element.scrollHeight;
  }, [follow, box]);
}

function countHits({ chunks }: LogWindow, find: string): number {
  if (find === "") return 0;
  return chunks.reduce((sum, { text }) => {
    const plain = readSegments(text)
      .map((segment) => segment.text)
      .join("\n")
      .toLowerCase();
    return sum + plain.split(find).length - 1;
  }, 0);
}

/** Goes to the next hit, from the one where it is. */
function showHit(box: HTMLElement | null, by: 1 | -1): void {
  const hits = [...(box?.querySelectorAll<HTMLElement>(".found") ?? [])];
  const here = hits.findIndex((hit) => hit.classList.contains("here"));
  const next = hits[stepHit(here, by, hits.length)];
  hits[here]?.classList.remove("here");
  next?.classList.add("here");
  next?.scrollIntoView({ block: "center" });
}

const size = ({ total, ended }: LogWindow): string =>
  `${formatCount(total)} bytes${ended ? "" : ", being written"}`;
