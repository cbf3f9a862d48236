import { Link } from "../../data/router.tsx";
import { OutsideText } from "../../parts/outside-text.tsx";
import { showHidden } from "../../parts/show-hidden.ts";
import { State, stateOf } from "../../parts/state.tsx";
import { Time } from "../../parts/time.tsx";
import { formatUsd, nameRepository } from "../../parts/words.ts";
import type { ListedRow } from "./task-list.ts";

/** One task of the list: a row on a desk, a card on a phone. */
export function Row({
  task,
  isChosen,
  choose,
}: {
  task: ListedRow;
  isChosen: boolean;
  /** Null: this device may only look. */
  choose: ((id: string, isChosen: boolean) => void) | null;
}) {
  const { attention, branch, cost_usd, id, repository, title, updated_at } = task;
  return (
    <li class="row">
      {choose && (
        <label class="row-choose">
          <span class="unseen">Select {showHidden(title)}</span>
          <input
            type="checkbox"
            checked={isChosen}
            onChange={({ currentTarget: { checked } }) => choose(id, checked)}
          />
        </label>
      )}
      <span class="row-title">
        <Link href={`/tasks/${id}`}>
          <OutsideText text={title} />
        </Link>
        {attention && <span class="chip">{attention}</span>}
      </span>
      <span class="row-state">
        <State state={stateOf(task)} />
      </span>
      <span class="row-repository soft" title={repository}>
        {nameRepository(repository)}
        {branch && (
          <span class="row-branch">
            {" "}
            <OutsideText text={branch} />
          </span>
        )}
      </span>
      <span class="row-cost soft figure">{cost_usd ? formatUsd(cost_usd) : ""}</span>
      <span class="row-time soft">
        <Time at={updated_at} />
      </span>
    </li>
  );
}
