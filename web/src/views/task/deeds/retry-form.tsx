import { useId, useState } from "preact/hooks";
import { send } from "../../../data/api.ts";
import { useResource } from "../../../data/use-resource.ts";
import { Button } from "../../../parts/button.tsx";
import { taskPath } from "../task-path.ts";
import type { FormProps } from "./form-props.ts";
import { focusOnce } from "./say-form.tsx";

type Agents = { agents: { name: string; usable: boolean; detail: string }[] };

/** Tries again what failed, with another agent, model, time limit or other checks. */
export function RetryForm({ detail: { task }, refresh, close }: FormProps) {
  const agents = useResource<Agents>("/v1/agents");
  const [agent, setAgent] = useState("");
  const [model, setModel] = useState("");
  const [minutes, setMinutes] = useState("");
  const [checks, setChecks] = useState("");
  const [agentId, modelId, minutesId, checksId, namesId] = [
    useId(),
    useId(),
    useId(),
    useId(),
    useId(),
  ];
  const retry = async () => {
    const lines = checks.split("\n").filter((line) => line.trim() !== "");
    await send("POST", taskPath(task.id, "/retry"), {
      ...(agent.trim() === "" ? {} : { agent: agent.trim() }),
      ...(model.trim() === "" ? {} : { model: model.trim() }),
      ...(minutes === "" ? {} : { timeout_minutes: Number(minutes) }),
      ...(lines.length === 0 ? {} : { checks: lines }),
    });
    refresh();
    close();
    return "It is tried again with these changes.";
  };
  return (
    <form class="card words" onSubmit={(event) => event.preventDefault()}>
      <p class="hint">What is left empty stays as it is. Finished subtasks stay finished.</p>
      <label for={agentId}>Agent</label>
      <input
        id={agentId}
        list={namesId}
        value={agent}
        placeholder={task.agent}
        autocomplete="off"
        ref={focusOnce}
        onInput={(event) => setAgent(event.currentTarget.value)}
      />
      <datalist id={namesId}>
        {agents.data?.agents
          .filter(({ usable }) => usable)
          .map(({ name }) => (
            <option key={name} value={name} />
          ))}
      </datalist>
      <label for={modelId}>Model</label>
      <input
        id={modelId}
        value={model}
        autocomplete="off"
        onInput={(event) => setModel(event.currentTarget.value)}
      />
      <label for={minutesId}>Minutes for an attempt</label>
      <input
        id={minutesId}
        type="number"
        min="1"
        value={minutes}
        placeholder={String(task.timeout_minutes)}
        onInput={(event) => setMinutes(event.currentTarget.value)}
      />
      <label for={checksId}>Checks, one a line, in place of yours</label>
      <textarea
        id={checksId}
        value={checks}
        placeholder={task.checks.join("\n")}
        onInput={(event) => setChecks(event.currentTarget.value)}
      />
      <div class="actions">
        <Button kind="primary" act={retry}>
          Retry
        </Button>
        <button type="button" class="button plain" onClick={close}>
          Close
        </button>
      </div>
    </form>
  );
}
