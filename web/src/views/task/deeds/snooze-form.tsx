import { send } from "../../../data/api.ts";
import { Button } from "../../../parts/button.tsx";
import { taskPath } from "../task-path.ts";
import type { FormProps } from "./form-props.ts";

/** Puts off what the task asks: no push until then, and the end of the inbox. */
const choices: [label: string, minutes: number][] = [
  ["1 hour", 60],
  ["4 hours", 240],
  ["A day", 24 * 60],
  ["A week", 7 * 24 * 60],
  ["No longer", 0],
];

export function SnoozeForm({ detail: { task }, refresh, close }: FormProps) {
  const snooze = (minutes: number) => async () => {
    const answer = await send<{ detail: string }>("POST", taskPath(task.id, "/snooze"), {
      minutes,
    });
    refresh();
    close();
    return `It is ${answer.detail}.`;
  };
  return (
    <fieldset class="card">
      <legend>Put off what it asks for</legend>
      <div class="actions">
        {choices.map(([label, minutes]) => (
          <Button key={minutes} act={snooze(minutes)}>
            {label}
          </Button>
        ))}
      </div>
    </fieldset>
  );
}
