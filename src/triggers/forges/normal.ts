import type { ForgeKind } from "../../core/forge/place.ts";

/**
 * An event of any forge in the one form that rules, guards and commands read: that of GitHub's
 * webhooks, as far as github/github-payload.ts reads it, with the forge named in `repository`. Each
 * forge has a function that brings its own webhooks into this form, and its lists. What it yields is
 * checked there like GitHub's own, so nothing here decides whether a value may be used.
 */
export type Normal = { event: string; payload: NormalPayload };
export type NormalPayload = Record<string, unknown> & { action: string };

/** `type`: "Bot" where the forge shows that nobody is behind it. */
export type NormalPerson = { login: string; id: number | null; type?: string };

export type NormalRepository = {
  forge: ForgeKind;
  id: number;
  full_name: string;
  /** An owner without an id is nobody's account. */
  owner: { login: string; id: number | null };
};

/** What one webhook of a forge tells of: several things (two labels set at once), or none that counts. */
export type Normalize = (event: string, raw: Record<string, unknown>) => Normal[];

/** Labels that were set and taken away, each as an event of its own. */
export function normalLabels(
  about: Record<string, unknown>,
  { added, event, removed }: { event: string; added: string[]; removed: string[] },
): Normal[] {
  const one = (action: string) => (name: string) => ({
    event,
    payload: { ...about, action, label: { name } },
  });
  return [...removed.map(one("unlabeled")), ...added.map(one("labeled"))];
}
