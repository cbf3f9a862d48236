import { useId, useState } from "preact/hooks";
import { send } from "../../../data/api.ts";
import { useDraft } from "../../../data/use-draft.ts";
import { Button } from "../../../parts/button.tsx";
import { taskPath } from "../task-path.ts";
import type { FormProps } from "./form-props.ts";

/** A message to the agents at work: to all, or to one subtask's. */
export function SayForm({ detail: { task, subtasks }, refresh, close }: FormProps) {
  const [text, setText, clear] = useDraft(`say:${task.id}`, "");
  const [subtask, setSubtask] = useState("");
  const [textId, toId] = [useId(), useId()];
  const open = subtasks.filter(
    ({ state }) => !["completed", "superseded", "failed", "cancelled"].includes(state),
  );
  const say = async () => {
    const body = subtask === "" ? { text } : { text, subtask };
    const { when } = await send<{ when: string }>("POST", taskPath(task.id, "/say"), body);
    clear();
    refresh();
    close();
    return `Sent: ${when}.`;
  };
  return (
    <form class="card words" onSubmit={(event) => event.preventDefault()}>
      <label for={textId}>Say to the agents at work</label>
      <textarea
        id={textId}
        value={text}
        maxLength={64_000}
        ref={focusOnce}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {open.length > 1 && (
        <>
          <label for={toId}>To</label>
          <select
            id={toId}
            value={subtask}
            onChange={(event) => setSubtask(event.currentTarget.value)}
          >
            <option value="">everyone at work</option>
            {open.map(({ key, title }) => (
              <option key={key} value={key}>
                {key}: {title}
              </option>
            ))}
          </select>
        </>
      )}
      <div class="actions">
        <Button kind="primary" act={say} disabled={text.trim() === ""}>
          Send
        </Button>
        <button type="button" class="button plain" onClick={close}>
          Close
        </button>
      </div>
    </form>
  );
}

/** The first field of a form that was just opened takes the focus. */
export function focusOnce(field: HTMLElement | null): void {
  if (field && !field.dataset.focused) {
    field.dataset.focused = "yes";
    field.focus();
  }
}
