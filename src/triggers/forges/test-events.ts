import { DeputyError } from "../../core/base/error.ts";
import type { ForgeKind } from "../../core/forge/place.ts";
import { normalize } from "./receive-forge.ts";

/**
 * For `deputy trigger test`: the events that a pasted payload of any forge tells of. Which forge and
 * which event it is can be named; else an object that only it carries tells. Throws a DeputyError.
 */
export type TriedEvent = { event: string; payload: Record<string, unknown> };

export function readEvents(
  event: string | null,
  payload: Record<string, unknown>,
  forge: ForgeKind | null,
): TriedEvent[] {
  const from = forge ?? guessForge(payload);
  const name = event ?? (from === "gitlab" ? "" : guessEvent(payload));
  if (from === "github") return [{ event: name, payload }];
  const read = normalize(from, name, payload);
  if ("problem" in read) throw new DeputyError("invalid_input", read.problem, { field: "payload" });
  return read.events;
}

/** The first that fires; else why the first does not. */
export async function testEvents<Tried extends { fires: boolean }>(
  events: readonly TriedEvent[],
  test: (event: string, payload: unknown) => Promise<Tried>,
): Promise<Tried | { fires: false; reason: string }> {
  let first: Tried | null = null;
  for (const { event, payload } of events) {
    const tried = await test(event, payload);
    if (tried.fires) return tried;
    first ??= tried;
  }
  return first ?? { fires: false, reason: "it tells of nothing that rules can name" };
}

/** An account of Gitea has both a login and a username. */
function guessForge(payload: Record<string, unknown>): ForgeKind {
  if ("object_kind" in payload) return "gitlab";
  const { sender } = payload as { sender?: { username?: unknown; node_id?: unknown } | null };
  return sender?.username !== undefined && sender.node_id === undefined ? "gitea" : "github";
}

function guessEvent(payload: Record<string, unknown>): string {
  for (const event of ["workflow_run", "check_run", "pull_request"])
    if (event in payload) return event;
  if ("run" in payload) return "action_run";
  if ("context" in payload && "sha" in payload) return "status";
  if ("issue" in payload) return "comment" in payload ? "issue_comment" : "issues";
  throw new DeputyError(
    "invalid_input",
    "The payload does not show which event it is; name it in `event`, as X-GitHub-Event (or X-Gitea-Event) would.",
    { field: "event" },
  );
}
