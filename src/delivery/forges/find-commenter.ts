import { DeputyError } from "../../core/base/error.ts";
import { type ForgeKind, parsePlace } from "../../core/forge/place.ts";
import type { Redact } from "../../core/text/redact.ts";
import type { Forge } from "../github/forge.ts";
import { type EventForge, makeEventForge } from "./event-forge.ts";
import { type ForgeSettings, openApi } from "./open-forges.ts";

/** Writes comments and replies on the forge that a place names. */
export type Commenter = Pick<Forge, "upsertComment" | "replyInThread">;

/** The forges beside GitHub that have a token. */
export function openEventForges(
  forges: readonly ForgeSettings[],
  redact: Redact,
): Partial<Record<ForgeKind, EventForge>> {
  return Object.fromEntries(
    forges.flatMap((settings) => {
      const api = openApi(settings, redact);
      return api ? [[settings.kind, makeEventForge(settings.kind, api, redact)]] : [];
    }),
  );
}

/** Null: no forge has a token. */
export function makeCommenter(
  github: Forge | null,
  others: Partial<Record<ForgeKind, EventForge>>,
): Commenter | null {
  if (github === null && Object.keys(others).length === 0) return null;
  const find = (target: string) => {
    const kind = parsePlace(target)?.forge ?? "github";
    const found = kind === "github" ? github : others[kind];
    if (found) return found;
    throw new DeputyError(
      "unprocessable",
      `A comment on ${target} needs a token: set ${kind.toUpperCase()}_TOKEN for the daemon.`,
    );
  };
  return {
    upsertComment: async (request) => find(request.target).upsertComment(request),
    replyInThread: async (request) => {
      if (find(request.target) === github) return github.replyInThread(request);
      throw new DeputyError("unprocessable", `${request.target} has no threads of ours.`);
    },
  };
}
