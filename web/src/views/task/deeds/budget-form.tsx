import { useId, useState } from "preact/hooks";
import { send } from "../../../data/api.ts";
import { Button } from "../../../parts/button.tsx";
import { taskPath } from "../task-path.ts";
import type { FormProps } from "./form-props.ts";
import { focusOnce } from "./say-form.tsx";

/** What a task may cost in all; one that asked for more goes on. */
export function BudgetForm({ detail: { task }, refresh, close }: FormProps) {
  const [usd, setUsd] = useState("");
  const field = useId();
  const raise = async () => {
    await send("POST", taskPath(task.id, "/budget"), { budget_usd: Number(usd) });
    refresh();
    close();
    return `The budget is $${Number(usd)} now.`;
  };
  return (
    <form class="card words" onSubmit={(event) => event.preventDefault()}>
      <label for={field}>
        It may spend in all, in dollars
        {task.budget?.usd !== undefined && ` (now $${task.budget.usd})`}
      </label>
      <input
        id={field}
        type="number"
        min={0}
        step="any"
        value={usd}
        ref={focusOnce}
        onInput={(event) => setUsd(event.currentTarget.value)}
      />
      <div class="actions">
        <Button kind="primary" act={raise} disabled={!(Number(usd) > 0)}>
          Set the budget
        </Button>
        <button type="button" class="button plain" onClick={close}>
          Close
        </button>
      </div>
    </form>
  );
}
