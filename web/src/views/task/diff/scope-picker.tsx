import { setQuery } from "../../../data/router.tsx";
import type { Detail } from "../types.ts";

/** Which change is shown: the whole task's, or that of one attempt. It stands in the address. */
export function ScopePicker({
  detail: { attempts, subtasks },
  subtask,
  attempt,
}: {
  detail: Detail;
  subtask: string | null;
  attempt: string | null;
}) {
  const keyOf = new Map(subtasks.map(({ id, key }) => [id, key]));
  const options = attempts
    .filter(({ commit }) => commit !== null)
    .map(({ number, subtask_id }) => ({ key: keyOf.get(subtask_id) ?? "", number }))
    .toReversed();
  const value = attempt === null || subtask === null ? "" : `${subtask} ${attempt}`;
  return (
    <label class="picker">
      <span>Change of</span>
      <select
        value={value}
        onChange={(event) => {
          const [key = null, number = null] = event.currentTarget.value.split(" ");
          setQuery({ subtask: number && key, attempt: number });
        }}
      >
        <option value="">the whole task</option>
        {options.map(({ key, number }) => (
          <option key={`${key} ${number}`} value={`${key} ${number}`}>
            {subtasks.length > 1 ? `${key}, ` : ""}attempt {number}
          </option>
        ))}
      </select>
    </label>
  );
}
