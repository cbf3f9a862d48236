import { useState } from "preact/hooks";
import type { AttentionItemView } from "../../../../src/api/attention.ts";
import { Link } from "../../data/router.tsx";
import { OutsideText } from "../../parts/outside-text.tsx";
import { Time } from "../../parts/time.tsx";
import { nameRepository } from "../../parts/words.ts";
import { Ways } from "./ways.tsx";

/** One thing that needs a person: what, why, since when, and all that can be done about it. */
export function Item({
  item,
  settled,
  refused,
}: {
  item: AttentionItemView;
  settled: () => void;
  refused: () => void;
}) {
  const { expires, id, kind, since, snoozed_until, subtask, task } = item;
  const [problem, setProblem] = useState<string | null>(null);
  const titleId = `title-${id}`;
  return (
    <li class="card item" data-item={id} tabIndex={-1} aria-labelledby={titleId}>
      <div class="item-head">
        <h3 class="item-title" id={titleId}>
          <Title item={item} />
        </h3>
        <span class="chip">{kind}</span>
      </div>
      <p class="item-about soft">
        {task && <span title={task.repository}>{nameRepository(task.repository)}</span>}
        {subtask && subtask !== "main" && (
          <span>
            part <OutsideText text={subtask} />
          </span>
        )}
        {since && <Time at={since} />}
        {snoozed_until ? (
          <Time at={snoozed_until} prefix="back " />
        ) : (
          expires && <Time at={expires} prefix="leaves the list " />
        )}
      </p>
      <Why text={item.why} />
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <Ways
        item={item}
        settled={() => {
          setProblem(null);
          settled();
        }}
        refused={(sentence) => {
          setProblem(sentence);
          refused();
        }}
      />
    </li>
  );
}

function Title({ item: { kind, task } }: { item: AttentionItemView }) {
  if (task)
    return (
      <Link href={`/tasks/${task.id}`}>
        <OutsideText text={task.title} />
      </Link>
    );
  if (kind === "breaker" || kind === "rules") return <Link href="/triggers">Triggers</Link>;
  return <>Deputy</>;
}

/** A long reason is cut until somebody wants all of it. */
function Why({ text }: { text: string }) {
  const [open, setOpen] = useState(false);
  const lines = text.split("\n");
  const isLong = lines.length > 8 || text.length > 800;
  const shown = isLong && !open ? lines.slice(0, 8).join("\n").slice(0, 800) : text;
  return (
    <div class="item-why">
      <OutsideText text={shown} />
      {isLong && (
        <button
          type="button"
          class="link"
          aria-expanded={open}
          onClick={() => setOpen((before) => !before)}
        >
          {open ? "Show less" : "Show all"}
        </button>
      )}
    </div>
  );
}
