import type { SnapshotsView } from "../../../../../src/api/task/snapshots.ts";
import { send } from "../../../data/api.ts";
import { useResource } from "../../../data/use-resource.ts";
import { Button } from "../../../parts/button.tsx";
import { OutsideText } from "../../../parts/outside-text.tsx";
import { Empty, Shown } from "../../../parts/shown.tsx";
import { Time } from "../../../parts/time.tsx";
import { plural } from "../../../parts/words.ts";
import { taskPath } from "../task-path.ts";
import type { FormProps } from "./form-props.ts";

const kinds: Record<string, string> = {
  before: "before the worktree was reset",
  checkpoint: "the last checkpoint",
  attempt: "what the attempt ended with",
  worktree: "before the worktree was removed",
};

/** The kept states of its files; each can be put into a folder of its own. */
export function Snapshots({ detail: { task } }: FormProps) {
  const snapshots = useResource<SnapshotsView>(taskPath(task.id, "/snapshots"));
  const restore = (number: number) => async () => {
    const path = taskPath(task.id, `/snapshots/${number}/restore`);
    const answer = await send<{ path: string; detail: string }>("POST", path);
    return `It is in ${answer.path}`;
  };
  return (
    <section class="card" aria-label="Snapshots">
      <Shown resource={snapshots}>
        {(data) =>
          data.snapshots.length === 0 ? (
            <Empty title="No snapshot is kept of this task." />
          ) : (
            <ul class="task-rows">
              {data.snapshots.toReversed().map((snapshot) => (
                <li key={snapshot.number}>
                  <span>
                    <strong>#{snapshot.number}</strong> <OutsideText text={snapshot.subtask_key} />
                    {snapshot.attempt !== null && ` attempt ${snapshot.attempt}`},{" "}
                    {kinds[snapshot.kind] ?? snapshot.kind}, {plural(snapshot.files, "file")}{" "}
                    changed, <Time at={snapshot.at} />
                  </span>
                  <Button
                    act={restore(snapshot.number)}
                    label={`Put snapshot ${snapshot.number} into a folder`}
                  >
                    Put into a folder
                  </Button>
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
    </section>
  );
}
