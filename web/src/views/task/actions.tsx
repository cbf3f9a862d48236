import { useState } from "preact/hooks";
import { send } from "../../data/api.ts";
import { useMayAct } from "../../data/page-context.ts";
import { go, Link } from "../../data/router.tsx";
import { Button } from "../../parts/button.tsx";
import { BudgetForm } from "./deeds/budget-form.tsx";
import { RetryForm } from "./deeds/retry-form.tsx";
import { SayForm } from "./deeds/say-form.tsx";
import { Snapshots } from "./deeds/snapshots.tsx";
import { SnoozeForm } from "./deeds/snooze-form.tsx";
import { type Deed, findPossible } from "./possible-deeds.ts";
import { readSeenTree } from "./seen-tree.ts";
import { againHref, taskHref, taskPath } from "./task-path.ts";
import type { Detail } from "./types.ts";

/**
 * What a person can do with the task now, as on the command line. What needs more than a click opens
 * a form below; what cannot be taken back asks first.
 */
const forms = {
  say: { label: "Say something", view: SayForm },
  retry: { label: "Retry with changes", view: RetryForm },
  budget: { label: "Set the budget", view: BudgetForm },
  snooze: { label: "Put off", view: SnoozeForm },
  snapshots: { label: "Snapshots", view: Snapshots },
};
type Form = keyof typeof forms;

export function Actions({ detail, refresh }: { detail: Detail; refresh: () => void }) {
  const [shown, setShown] = useState<Form | null>(null);
  const mayAct = useMayAct();
  const can = findPossible(detail);
  const { task } = detail;
  if (!mayAct) return null;

  /** Sends a command; the daemon's answer holds a sentence on what was done, or the task. */
  const post = (rest: string, done: string, body?: unknown) => async () => {
    const answer = await send<{ detail?: string } | null>("POST", taskPath(task.id, rest), body);
    refresh();
    return answer?.detail ?? done;
  };
  const accept = async () => {
    const tree = readSeenTree(task.id);
    return post("/accept", "Accepted.", tree === null ? {} : { tree })();
  };
  const close = () => setShown(null);
  const toggle = (form: Form) => setShown((now) => (now === form ? null : form));
  const openForm = (form: Form) =>
    can.has(form) && (
      <button
        key={form}
        type="button"
        class="button plain"
        aria-expanded={shown === form}
        onClick={() => toggle(form)}
      >
        {forms[form].label}
      </button>
    );
  const deed = (name: Deed, button: preact.JSX.Element) => can.has(name) && button;
  const View = shown !== null && can.has(shown) ? forms[shown].view : null;

  return (
    <section class="deeds" aria-label="What you can do">
      <div class="actions">
        {deed(
          "accept",
          <Button
            kind="primary"
            act={accept}
            confirm="Merge it into the branch that is checked out?"
          >
            Accept
          </Button>,
        )}
        {deed(
          "resume",
          <Button kind="primary" act={post("/resume", "It continues.")}>
            Resume
          </Button>,
        )}
        {task.state === "failed" &&
          deed(
            // what is stuck asks with a button of its own
            "retry",
            <Button kind="primary" act={post("/retry", "It is tried again.", {})}>
              Retry
            </Button>,
          )}
        {deed(
          "comment",
          <button type="button" class="button plain" onClick={() => go(taskHref(task.id, "diff"))}>
            Comment on lines
          </button>,
        )}
        {openForm("say")}
        {deed(
          "pause",
          <Button act={post("/pause", "Paused; what it did so far is kept.")}>Pause</Button>,
        )}
        {deed(
          "cancel",
          <Button
            kind="danger"
            act={post("/cancel", "It is asked to stop.")}
            confirm="Stop this task for good?"
          >
            Cancel
          </Button>,
        )}
        <details class="more">
          <summary class="button plain">More</summary>
          <div class="actions">
            {openForm("retry")}
            {openForm("budget")}
            {openForm("snooze")}
            {deed(
              "update",
              <Button act={post("/update", "It is brought up to date.")}>
                Update onto the moved base
              </Button>,
            )}
            {deed("restore", <Button act={restore(task.id, refresh)}>Restore worktrees</Button>)}
            {openForm("snapshots")}
            {deed(
              "again",
              <Link class="button plain" href={againHref(task.id)}>
                Again
              </Link>,
            )}
            {deed(
              "rollback",
              <Button
                kind="danger"
                act={post("/rollback", "It is rolled back.")}
                confirm={
                  task.delivery_url === null
                    ? "Undo it by a revert commit on the branch that is checked out?"
                    : "Close its pull request?"
                }
              >
                Roll back
              </Button>,
            )}
            {deed(
              "discard",
              <Button
                kind="danger"
                act={post("/discard", "It is discarded.")}
                confirm="Delete its branch, patch, receipt and worktrees?"
              >
                Discard
              </Button>,
            )}
          </div>
        </details>
      </div>
      {View && <View detail={detail} refresh={refresh} close={close} />}
    </section>
  );
}

function restore(id: string, refresh: () => void) {
  return async () => {
    type Restored = { worktrees: { path: string }[]; detail: string };
    const { worktrees, detail } = await send<Restored>("POST", taskPath(id, "/restore"));
    refresh();
    return `${detail} ${worktrees.map(({ path }) => path).join(", ")}`.trim();
  };
}
