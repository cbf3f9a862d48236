import { newId } from "../core/base/id.ts";
import type { NewNotification } from "../core/ledger/task-ledger.ts";
import type { Privacy } from "../core/settings/notify-settings.ts";
import { listChannels } from "./channels/open-channels.ts";
import { withoutPlaces } from "./lock-screen-text.ts";
import { privacyOf } from "./manners/choose-channels.ts";
import type { NotifierConfig } from "./notifier-config.ts";

/** What the daemon's operator is told that is not about a task. */
export type OperatorNews = { type: string; title: string; message: string };

/**
 * The rows for it: one per configured channel, whatever the channel gets otherwise, and of the highest
 * priority, so that it rings in quiet hours too.
 */
export function operatorRows(config: NotifierConfig, news: OperatorNews): NewNotification[] {
  const { message, title, type } = news;
  const eventId = newId("event");
  return listChannels(config).map((channel) => {
    const shown = cover(news, privacyOf(channel, config.manners));
    return {
      ...{ id: newId("notification"), channel, eventId, taskId: "" },
      ...{ title: shown.title, body: shown.message, priority: 5, clickUrl: null },
      payload: {
        ...{ tags: ["warning"], type, timestamp: new Date().toISOString() },
        data: { task_id: null, title, message },
      },
    };
  });
}

/** The message names folders of the machine, and may have a person's reason in it. */
function cover(news: OperatorNews, privacy: Privacy): Pick<OperatorNews, "title" | "message"> {
  if (privacy === "full") return news;
  if (privacy === "minimal") return { title: "Deputy needs you", message: "deputy inbox" };
  return { title: news.title, message: withoutPlaces(news.message) };
}
