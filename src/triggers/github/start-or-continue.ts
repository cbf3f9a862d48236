import { DeputyError } from "../../core/base/error.ts";
import { keyOfDelivery } from "../../core/forge/place.ts";
import type { OpenDelivery } from "../inbox.ts";
import { decideStory } from "./decide-story.ts";
import type { InboxDeps } from "./inbox-deps.ts";
import type { GithubTrigger } from "./match-github.ts";
import type { End } from "./settle-delivery.ts";

/** Starts a task for the event, or has the subject's earlier one continue. */
export async function startOrContinue(
  deps: InboxDeps,
  { deliveryId }: OpenDelivery,
  trigger: GithubTrigger,
): Promise<Pick<End, "result" | "taskId">> {
  const { asked, origin, reason, recipe, subject, taskInput } = trigger;
  // The delivery identifies the request: changed rules do not make it a new one.
  const key = keyOfDelivery(trigger.forge, deliveryId);
  const active = await deps.findActiveTask(subject);
  const ask = await findDoubt(deps, trigger);
  const earlier = recipe === "change" && active === null ? await deps.findEarlier(subject) : null;
  const story = decideStory(trigger, earlier, ask === null);
  const taskId = earlier?.task.id ?? null;
  if (active === null && story.kind !== "name") {
    const { guards, rule } = trigger;
    const { repository } = taskInput;
    await deps.admit({ deliveryId, rule, guards, repository, subject, depth: 0 });
  }
  switch (story.kind) {
    case "name":
      return { result: `joined: ${story.result}`, taskId };
    case "retry":
      await deps.retry(earlier?.task.id ?? "");
      return { result: `joined: ${taskId} had failed and is tried again; ${reason}`, taskId };
    case "rework": {
      // Of a commit there is one repair: what continues is an issue, or a pull request, and its people.
      const said = { ...story, origin, goal: taskInput.goal, voice: "person" } as const;
      await deps.rework(earlier?.task.id ?? "", said, key);
      return { result: `joined: ${taskId} continues with what is new; ${reason}`, taskId };
    }
    case "begin": {
      const goal = [taskInput.goal, story.about, asked]
        .filter((part) => part !== null)
        .join("\n\n");
      const { task } = await deps.submit({
        input: { ...taskInput, goal },
        ...{ origin, recipe },
        approval: ask === null ? null : `Start this task for ${subject}? ${ask}.`,
        idempotency: { key, bodyHash: trigger.forge },
      });
      return { result: `${recipe}: ${reason}`, taskId: task.id };
    }
  }
}

/** Why a person has to approve the change first; null: its sender may write. */
async function findDoubt(
  deps: InboxDeps,
  { askAbout, needsApproval, reason, repository }: GithubTrigger,
): Promise<string | null> {
  if (!needsApproval) return null;
  if (askAbout === null || deps.hasWriteAccess === null) return reason;
  try {
    return (await deps.hasWriteAccess(repository, askAbout)) ? null : reason;
  } catch (error) {
    const isHidden =
      error instanceof DeputyError && (error.code === "forbidden" || error.code === "not_found");
    if (!isHidden) throw error;
    // Nobody else can tell: a person decides, and sees why they are asked.
    return `${reason}. ${error.message.replace(/\s+/g, " ").replace(/\.$/, "")}`;
  }
}
