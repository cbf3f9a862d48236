import { z } from "zod";

/** How people are told: which channels there are, what each of them gets, when, and how much of it. */
export const channelNames = [
  "ntfy",
  "webhook",
  "slack",
  "discord",
  "telegram",
  "apprise",
  "web_push",
] as const;
export type ChannelName = (typeof channelNames)[number];

/** The types of events that people are told of, as a webhook's `type`. */
export const notifiedTypes = [
  "task.completed",
  "task.failed",
  "task.needs_person",
  "question.asked",
  "plan.revised",
] as const;
export type NotifiedType = (typeof notifiedTypes)[number];

/**
 * What a push may show to whoever sees the screen. `title`: what happened and what the task is called, but
 * no code, no paths and no words of agents or strangers; `minimal`: that something happened.
 */
export const privacies = ["full", "title", "minimal"] as const;
export type Privacy = (typeof privacies)[number];

export const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Weekday = (typeof weekdays)[number];

/** From `from` to `to` of a wall clock in `tz`, over midnight where `to` is not later. */
export type QuietHours = {
  /** Minutes since midnight. */
  from: number;
  to: number;
  tz: string;
  /** On which it begins. */
  days: readonly Weekday[];
  /** Pushes of this priority and more ring nevertheless. */
  breakThrough: number;
};

export type Manners = {
  privacy: Privacy;
  /** Null: none. */
  quiet: QuietHours | null;
  /** So long after a push of a task, one that is no more than news waits for what else comes. */
  coalesceMs: number;
  /** Null: a question rings once. */
  escalate: { afterMs: number; to: ChannelName | null } | null;
  channels: Partial<Record<ChannelName, ChannelManners>>;
};

export type ChannelManners = {
  /** Null: all. */
  events: readonly NotifiedType[] | null;
  /** The least that this channel gets. */
  priority: number;
  /** Null: as everywhere. */
  privacy: Privacy | null;
};

export const plainManners: Manners = {
  privacy: "title",
  quiet: null,
  coalesceMs: 60_000,
  escalate: { afterMs: 30 * 60_000, to: null },
  channels: {},
};

const time = z.string().regex(/^(?:[01]?\d|2[0-3]):[0-5]\d$/, {
  error: 'must be a time of day, like "22:00"',
});
const priority = z.number().int().min(1).max(5);
const zone = z.string().refine(isZone, { error: "must be a time zone, like Europe/Berlin" });

export const notifySchema = z.strictObject({
  privacy: z.enum(privacies).optional(),
  quiet: z
    .strictObject({
      from: time,
      to: time,
      /** Default: the machine's. */
      tz: zone.optional(),
      days: z.array(z.enum(weekdays)).min(1).optional(),
      break_through: priority.optional(),
    })
    .refine(({ from, to }) => toMinutes(from) !== toMinutes(to), {
      error: "must not begin and end at the same time",
    })
    .optional(),
  coalesce_seconds: z.number().min(0).max(3_600).optional(),
  escalate: z
    .strictObject({
      /** 0: never. */
      after_minutes: z
        .number()
        .min(0)
        .max(24 * 60)
        .optional(),
      /** A webhook rings nobody. */
      to: z.enum(channelNames).exclude(["webhook"]).optional(),
    })
    .optional(),
  channels: z
    .partialRecord(
      z.enum(channelNames),
      z.strictObject({
        events: z.array(z.enum(notifiedTypes)).optional(),
        priority: priority.optional(),
        privacy: z.enum(privacies).optional(),
      }),
    )
    .optional(),
});

/** What the file says, over what is usual. */
export function toManners(file: z.infer<typeof notifySchema> = {}): Manners {
  const { channels = {}, coalesce_seconds: seconds, escalate, privacy, quiet } = file;
  const afterMs = (escalate?.after_minutes ?? 30) * 60_000;
  return {
    privacy: privacy ?? plainManners.privacy,
    quiet: quiet
      ? {
          ...{ from: toMinutes(quiet.from), to: toMinutes(quiet.to) },
          tz: quiet.tz ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
          ...{ days: quiet.days ?? weekdays, breakThrough: quiet.break_through ?? 5 },
        }
      : null,
    coalesceMs: seconds === undefined ? plainManners.coalesceMs : seconds * 1_000,
    escalate: afterMs > 0 ? { afterMs, to: escalate?.to ?? null } : null,
    channels: Object.fromEntries(
      Object.entries(channels).map(([name, own]) => [
        name,
        {
          ...{ events: own.events ?? null, priority: own.priority ?? 1 },
          privacy: own.privacy ?? null,
        },
      ]),
    ),
  };
}

function toMinutes(text: string): number {
  const [hours = "", minutes = ""] = text.split(":");
  return Number(hours) * 60 + Number(minutes);
}

function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== null;
  } catch {
    return false; // its only error is about the name
  }
}
