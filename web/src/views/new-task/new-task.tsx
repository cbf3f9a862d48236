import { useEffect } from "preact/hooks";
import type { TaskDetailView } from "../../../../src/api/task/task-detail.ts";
import { read } from "../../data/api.ts";
import { useMayAct, usePage } from "../../data/page-context.ts";
import { go, setQuery, usePlace } from "../../data/router.tsx";
import { useDraft } from "../../data/use-draft.ts";
import { useTitle } from "../../data/use-title.ts";
import { tellError } from "../../parts/button.tsx";
import { Field } from "../../parts/field.tsx";
import { Empty } from "../../parts/shown.tsx";
import { Details } from "./details.tsx";
import { type Fields, fromTask, noFields } from "./fields.ts";
import { Place } from "./place.tsx";
import { Preview } from "./preview.tsx";
import { Templates } from "./template-choice.tsx";
import { useSubmit } from "./use-submit.ts";
import "./new-task.css";

/**
 * A new task. What is typed stays through a reload; `?again=ID` begins with the fields of a task that
 * is there.
 */
export default function NewTask() {
  useTitle("New task");
  const { say } = usePage();
  const mayAct = useMayAct();
  const [fields, setFields, clear] = useDraft<Fields>("new-task", noFields);
  const { busy, forget, refusal, refuse, submit } = useSubmit();
  const again = usePlace().query.get("again");
  useEffect(() => {
    if (again === null) return;
    read<TaskDetailView>(`/v1/tasks/${encodeURIComponent(again)}`).then(
      ({ task }) => setFields(fromTask(task)),
      (error: unknown) => say(tellError(error), "bad"),
    );
    setQuery({ again: null });
  }, [again, setFields, say]);

  if (!mayAct)
    return (
      <Empty title="This device may only look.">
        <p>Another one may let it act: Settings, Devices.</p>
      </Empty>
    );
  const set = (changes: Partial<Fields>) => setFields({ ...fields, ...changes });
  const problemOf = (field: keyof Fields) => (refusal?.field === field ? refusal.sentence : null);
  const empty = () => {
    clear();
    forget();
  };
  const hand = async () => {
    const task = await submit(fields);
    if (task === null) return;
    empty();
    go(`/tasks/${task.id}`);
  };

  return (
    <div class="new-task">
      <div class="view-head">
        <h1 class="view-title">New task</h1>
        <Templates fields={fields} use={(next) => setFields(next)} />
      </div>
      <form
        class="new-task-form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void hand();
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void hand();
        }}
      >
        <Field
          label="Goal"
          hint="What is to be done, and how one sees that it is done."
          problem={problemOf("goal")}
        >
          {(own) => (
            <textarea
              {...own}
              rows={5}
              value={fields.goal}
              onInput={({ currentTarget }) => set({ goal: currentTarget.value })}
            />
          )}
        </Field>
        <Place fields={fields} set={set} problemOf={problemOf} />
        <Details fields={fields} set={set} problemOf={problemOf} />
        {refusal !== null && refusal.field === null && (
          <p class="problem" role="alert">
            {refusal.sentence}
          </p>
        )}
        <Preview fields={fields} refuse={refuse} />
        <div class="actions new-task-end">
          <button type="submit" class="button primary" aria-busy={busy} aria-disabled={busy}>
            Start the task
          </button>
          <button type="button" class="button plain" onClick={empty}>
            Clear
          </button>
        </div>
      </form>
    </div>
  );
}
