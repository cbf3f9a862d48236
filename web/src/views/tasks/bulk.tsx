import { useState } from "preact/hooks";
import { send } from "../../data/api.ts";
import { Link } from "../../data/router.tsx";
import { Button, tellError } from "../../parts/button.tsx";
import { OutsideText } from "../../parts/outside-text.tsx";
import { plural } from "../../parts/words.ts";
import { isOpen, type ListedRow } from "./task-list.ts";

/**
 * Several tasks at once, one after the other: each has its own result, and one that is refused does
 * not keep the others from it.
 */
type Result = { id: string; title: string; refusal: string | null };

export function Bulk({
  tasks,
  selected,
  choose,
  done,
}: {
  tasks: readonly ListedRow[];
  selected: readonly ListedRow[];
  choose: (ids: readonly string[]) => void;
  done: () => void;
}) {
  const [results, setResults] = useState<{ verb: string; list: Result[] } | null>(null);
  const run = async (verb: "cancel" | "retry", of: readonly ListedRow[]) => {
    const list: Result[] = [];
    for (const { id, title } of of) {
      const refusal = await send("POST", `/v1/tasks/${id}/${verb}`).then(() => null, tellError);
      list.push({ id, title, refusal });
    }
    setResults({ verb, list });
    choose(list.flatMap(({ id, refusal }) => (refusal === null ? [] : [id])));
    done();
    return null;
  };
  const open = selected.filter(isOpen);
  const failed = selected.filter(({ state }) => state === "failed" || state === "cancelled");
  if (tasks.length === 0 && results === null) return null;
  const isAll = selected.length === tasks.length && tasks.length > 0;
  return (
    <>
      <div class="bulk">
        <label class="bulk-all">
          <input
            type="checkbox"
            checked={isAll}
            onChange={() => choose(isAll ? [] : tasks.map(({ id }) => id))}
          />{" "}
          {selected.length === 0 ? "Select all shown" : `${selected.length} selected`}
        </label>
        {selected.length > 0 && (
          <div class="actions">
            <Button
              kind="danger"
              disabled={open.length === 0}
              confirm={`Cancel ${plural(open.length, "task")}?`}
              act={() => run("cancel", open)}
            >
              Cancel {open.length}
            </Button>
            <Button disabled={failed.length === 0} act={() => run("retry", failed)}>
              Retry {failed.length}
            </Button>
          </div>
        )}
      </div>
      {results && <Results {...results} close={() => setResults(null)} />}
    </>
  );
}

function Results({ verb, list, close }: { verb: string; list: Result[]; close: () => void }) {
  const refused = list.filter(({ refusal }) => refusal !== null);
  const taken = list.length - refused.length;
  return (
    <div class="card results" role="status">
      <p>
        {verb === "cancel" ? "Asked to stop: " : "Tried again: "}
        {plural(taken, "task")}
        {refused.length > 0 && `; refused: ${refused.length}`}.{" "}
        <button type="button" class="link" onClick={close}>
          Close
        </button>
      </p>
      {refused.length > 0 && (
        <ul>
          {refused.map(({ id, refusal, title }) => (
            <li key={id}>
              <Link href={`/tasks/${id}`}>
                <OutsideText text={title} />
              </Link>
              : {refusal}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
