import type { Config } from "../config/config.ts";
import type { ChannelName } from "../core/settings/notify-settings.ts";
import { redactSecrets } from "../core/text/redact.ts";
import { openChannels } from "../notifier/channels/open-channels.ts";
import { secretsOf } from "../notifier/notifier-config.ts";

/**
 * Tries the channels by which people are told, each as far as that rings nobody. `problem`: what is wrong;
 * null: nothing. `tried`: false where only a push would tell.
 */
export async function tryChannels({
  notifier,
}: Pick<Config, "notifier">): Promise<
  { name: ChannelName; problem: string | null; tried: boolean }[]
> {
  const options = { timeoutMs: 10_000, signal: new AbortController().signal };
  return Promise.all(
    openChannels(notifier).map(async ({ examine, name }) => {
      const problem = (await examine?.(options)) ?? null;
      return {
        ...{ name, tried: examine !== undefined },
        problem: problem && redactSecrets(problem, secretsOf(notifier)),
      };
    }),
  );
}
