import type { Manners } from "../../core/settings/notify-settings.ts";
import { decisionOf } from "../../core/task/task.ts";
import type { Db } from "../../store/database/schema.ts";
import { claimSettledCards, closeCard, type SettledCard } from "../../store/pushes/cards.ts";
import { getTask } from "../../store/tasks/tasks.ts";
import type { Channel, SendOptions } from "../channels/channel.ts";
import { privacyOf } from "../manners/choose-channels.ts";

/**
 * Tells the screens of what was settled, wherever that was: on the command line, by another phone, by the
 * work itself. Each card is changed once to its last state, without a ring, and without anything to press.
 */
export type CloseDeps = {
  db: Db;
  channels: readonly Channel[];
  manners: Manners;
  log: (level: "info" | "warn" | "error", fields: object, message: string) => void;
};

const mostTries = 5;

export async function closeCards(deps: CloseDeps, options: SendOptions): Promise<void> {
  const { channels, db, log, manners } = deps;
  const able = channels.filter((one) => one.close !== undefined);
  const found = await claimSettledCards(
    db,
    able.map(({ name }) => name),
  );
  for (const card of found) {
    const channel = able.find(({ name }) => name === card.channel);
    if (!channel?.close) continue;
    const covered = privacyOf(channel.name, manners) !== "full";
    const result = await channel.close(card, await describeEnd(db, card, covered), options);
    if (result.kind === "aborted") return;
    if (result.kind === "nobody") {
      await closeCard(db, card);
      continue;
    }
    if (result.kind === "taken" || result.hope === "unlikely" || card.attempts >= mostTries)
      await closeCard(db, card);
    if (result.kind === "refused")
      log("info", { channel: card.channel, error: result.error }, "a card stays as it was");
  }
}

/** In a word or two, and without an agent's words where the screen may not show them. */
async function describeEnd(db: Db, card: SettledCard, covered: boolean): Promise<string> {
  if (card.usedBy !== null) {
    const option = card.options?.[card.usedOption ?? 0];
    return !option || (option.isAgents && covered) ? "Answered" : `Answered: ${option.label}`;
  }
  if (card.kind !== null) return "Answered, or asked no more";
  const task = await getTask(db, card.taskId);
  const decision = task && decisionOf(task);
  if (!task || decision === "open" || decision === null)
    return `It is ${task?.state ?? "gone"} now`;
  return { accepted: "Accepted", discarded: "Discarded", rolled_back: "Rolled back" }[decision];
}
