import { useState } from "preact/hooks";
import type { PreviewView } from "../../../../src/api/overview.ts";
import { send } from "../../data/api.ts";
import { Button } from "../../parts/button.tsx";
import { OutsideText } from "../../parts/outside-text.tsx";
import { type Fields, toRequest } from "./fields.ts";

/** What the task would start with, as the daemon reads it from the base; nothing is started. */
export function Preview({
  fields,
  refuse,
}: {
  fields: Fields;
  /** A refusal belongs beside its field, as that of the task itself. */
  refuse: (error: unknown) => void;
}) {
  const [seen, setSeen] = useState<{ of: string; preview: PreviewView } | null>(null);
  const request = JSON.stringify(toRequest(fields));
  const look = async () => {
    try {
      setSeen({
        of: request,
        preview: await send<PreviewView>("POST", "/v1/tasks/preview", JSON.parse(request)),
      });
    } catch (error) {
      setSeen(null);
      refuse(error);
    }
    return null;
  };
  return (
    <div class="preview">
      <Button act={look}>Look at it first</Button>
      <div role="status">
        {seen !== null && <Facts preview={seen.preview} isOld={seen.of !== request} />}
      </div>
    </div>
  );
}

function Facts({ preview, isOld }: { preview: PreviewView; isOld: boolean }) {
  const { agent, assurance, base, checks, setup, warnings, why, would_ask_planner } = preview;
  return (
    <div class="card">
      {isOld && <p class="hint">The form was changed since.</p>}
      {warnings.map((warning) => (
        <p key={warning} class="banner ask">
          <OutsideText text={warning} />
        </p>
      ))}
      <dl class="facts">
        <div>
          <dt>Base</dt>
          <dd>
            <OutsideText text={base.ref} /> <code>{base.commit.slice(0, 8)}</code>
          </dd>
        </div>
        <div>
          <dt>Agent</dt>
          <dd>
            <OutsideText text={agent} />
          </dd>
        </div>
        <div>
          <dt>Review</dt>
          <dd>{assurance ?? "chosen by the change"}</dd>
        </div>
        <div>
          <dt>{would_ask_planner ? "A planner splits it" : "One piece of work"}</dt>
          <dd>
            <OutsideText text={why} />
          </dd>
        </div>
        <Commands title="Setup" commands={setup} />
        <Commands
          title="Checks"
          commands={checks.map(({ command, source }) => `${command}  (${source})`)}
        />
      </dl>
    </div>
  );
}

function Commands({ title, commands }: { title: string; commands: readonly string[] }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        {commands.length === 0 && "none"}
        {commands.map((command) => (
          <div key={command}>
            <code>
              <OutsideText text={command} />
            </code>
          </div>
        ))}
      </dd>
    </div>
  );
}
