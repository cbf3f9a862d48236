import { parseAgentName } from "../../core/settings/agent-name.ts";
import { type Subtask, type Task, workerOf } from "../../core/task/task.ts";

/**
 * When a person's message reaches the agent of a subtask, in words: not every program can receive a
 * message while it works, and nobody should wait for one that cannot. Pure.
 */
export function tellWhen(subtask: Pick<Subtask, "agent" | "fallback" | "kind" | "state">): string {
  switch (subtask.state) {
    case "running":
      return subtask.kind !== "work"
        ? "is being planned; its planner does not receive it, but its parts do"
        : tellWhileWorking(workerOf(subtask));
    case "verifying":
    case "integrating":
      return "is done and being checked; it receives the message only if the work continues, so comment on lines of the change to have it changed";
    case "blocked":
    case "ready":
    case "recovering":
    case "waiting":
      return "receives it when the work starts or continues";
    case "completed":
    case "superseded":
    case "failed":
    case "cancelled":
      return "is over: no agent receives it";
  }
}

/** When a comment is worked on, in words, by the states of task and subtask. Pure. */
export function tellWhenReworked(
  task: Pick<Task, "hold" | "pausedAt" | "state">,
  subtask: Parameters<typeof tellWhen>[0],
): string {
  const { state } = subtask;
  const once = task.pausedAt ? ", once the task is resumed" : "";
  switch (state) {
    case "running":
      return subtask.kind !== "work"
        ? tellWhen(subtask)
        : `${tellWhileWorking(workerOf(subtask))}; if that is too late, a rework with your comment follows when this attempt is merged`;
    case "verifying":
    case "integrating":
      return `is being checked; a rework with your comment follows when it is merged${once}`;
    case "blocked":
    case "ready":
    case "recovering":
    case "waiting":
      return `works on your comment in its next attempt${once}`;
    case "completed":
      if (task.state === "delivering")
        return `${task.hold?.kind === "lease" ? "is being delivered" : "waits to be delivered"}; a rework with your comment follows after that${once}`;
      return task.state === "waiting" && !task.pausedAt
        ? "is done; a rework with your comment follows once the task's question is answered"
        : `is done; a rework with your comment follows when no other subtask is open${once}`;
    case "superseded":
    case "failed":
    case "cancelled":
      return "is over: no agent works on your comment";
  }
}

function tellWhileWorking(agent: string): string {
  const kind = parseAgentName(agent)?.kind ?? "command";
  switch (kind) {
    case "builtin":
      return "receives it before its next model call";
    case "claude":
      return "receives it after its current step";
    case "codex":
    case "opencode":
    case "acp":
      return `receives it when its turn ends; ${kind} accepts no messages before that`;
    case "command":
      return "finds it in the file that DEPUTY_SAID_FILE names; if it does not read that, it receives it only when it is started again";
  }
}
