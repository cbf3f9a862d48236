import type {
  ChannelName,
  Manners,
  NotifiedType,
  Privacy,
} from "../../core/settings/notify-settings.ts";

/** The channels that get such a push at once, in the order in which they are configured. */
export function chooseChannels(
  configured: readonly ChannelName[],
  push: { type: NotifiedType; priority: number },
  { channels }: Manners,
): ChannelName[] {
  return configured.filter((name) => {
    const own = channels[name];
    if (own === undefined) return true;
    return push.priority >= own.priority && (own.events?.includes(push.type) ?? true);
  });
}

/**
 * The next channel, for a question that nobody answered: the one that is named, else the first that did
 * not get it, else the first that did. Null: there is none but programs.
 */
export function chooseNext(
  configured: readonly ChannelName[],
  told: readonly ChannelName[],
  to: ChannelName | null,
): ChannelName | null {
  const ringing = configured.filter(rings);
  return to ?? ringing.find((name) => !told.includes(name)) ?? ringing[0] ?? null;
}

/** A webhook is for programs: each event at once and with all that it says. */
export function rings(name: string): boolean {
  return name !== "webhook";
}

export function privacyOf(name: ChannelName, { channels, privacy }: Manners): Privacy {
  return rings(name) ? (channels[name]?.privacy ?? privacy) : "full";
}
