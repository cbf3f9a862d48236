import { z } from "zod";
import type { OtherForge } from "../../core/forge/place.ts";
import { keepDelivery, type Receiving } from "../github/receive-github.ts";
import { isDeeperThan, maxDepth, parseObject } from "../json-body.ts";
import { type ForgePost, forgeDoors } from "./forge-door.ts";
import type { Normal, Normalize } from "./normal.ts";
import { normalizeGitea } from "./normalize-gitea.ts";
import { normalizeGitlab } from "./normalize-gitlab.ts";

/**
 * Receives webhooks of Gitea, Forgejo and GitLab: check the proof over the raw bytes, bring the body
 * into the form that rules read, store what it tells of, and respond. Processing happens later, from
 * the inbox, with the functions for GitHub's.
 */
export async function receiveForge(
  deps: Receiving & { forge: OtherForge },
  post: ForgePost,
): Promise<{ status: number; message: string }> {
  const { forge, secrets } = deps;
  const door = forgeDoors[forge];
  if (secrets.length === 0) {
    const variable = `${forge.toUpperCase()}_WEBHOOK_SECRET`;
    return {
      status: 503,
      message: `Webhooks of ${door.name} are off: set ${variable} to turn them on.`,
    };
  }
  if (!door.isGenuine(post, secrets))
    return { status: 401, message: `${door.proof} is missing or wrong.` };
  const body = parseObject(post.rawBody);
  if (body === null)
    return { status: 400, message: "The body is not a JSON object: send application/json." };
  if (isDeeperThan(body, maxDepth))
    return { status: 400, message: `The body is nested deeper than ${maxDepth} levels.` };
  const [event, id] = [door.eventOf(post), door.idOf(post)];
  if (event === undefined || !/^[\w ]{1,100}$/.test(event))
    return { status: 400, message: `The header that names the event of ${door.name} is missing.` };
  if (id === undefined || !/^[\w.:-]{1,80}$/.test(id))
    return { status: 400, message: `The header with the id of the delivery is missing or odd.` };
  const read = normalize(forge, event, body);
  if ("problem" in read) return { status: 400, message: read.problem };
  let kept = 0;
  for (const [index, { event, payload }] of read.events.entries()) {
    // All that one webhook tells of is stored under its id, and a repetition finds each again.
    const deliveryId = `${forge}:${id}${index === 0 ? "" : `:${index}`}`;
    const stored = await keepDelivery(deps, { event, payload, source: forge, id: deliveryId });
    if (stored.isNew === undefined) return stored;
    if (stored.isNew) kept++;
  }
  const what =
    read.events.length === 0
      ? "it tells of nothing that rules can name"
      : kept === 0
        ? "it is known already"
        : `kept ${kept}`;
  return { status: 202, message: `Took ${event} ${id}: ${what}.` };
}

const normalizers: Record<OtherForge, Normalize> = {
  gitea: normalizeGitea,
  gitlab: normalizeGitlab,
};

/** Never throws: what is not as expected is a problem, in a sentence. */
export function normalize(
  forge: OtherForge,
  event: string,
  body: Record<string, unknown>,
): { events: Normal[] } | { problem: string } {
  try {
    return { events: normalizers[forge](event, body) };
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const field = error.issues[0]?.path.join(".") || "its body";
    const name = forgeDoors[forge].name;
    return { problem: `${name}'s ${event}: the payload is not as expected at ${field}.` };
  }
}
