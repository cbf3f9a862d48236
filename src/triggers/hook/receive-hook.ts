import { createHash } from "node:crypto";
import type { Inbox } from "../inbox.ts";
import { isDeeperThan, maxDepth, parseObject } from "../json-body.ts";
import type { HookRule } from "./hook-rule.ts";
import { isToken, type readHookToken } from "./hook-token.ts";

/**
 * Receives what another program posts to a hook: check the token, store the body, and respond. What
 * it starts is decided later, from the inbox. Two posts are the same delivery if the header that the
 * rule names says so, or, without one, if their bodies are equal.
 */
export type HookPost = {
  name: string;
  authorization: string | undefined;
  header(name: string): string | undefined;
  rawBody: Buffer;
};

export type HookAnswer = { status: number; message: string; deliveryId: string | null };

export async function receiveHook(
  deps: {
    rules: readonly HookRule[];
    readToken: (rule: HookRule) => ReturnType<typeof readHookToken>;
    insert: Inbox["insert"];
  },
  post: HookPost,
): Promise<HookAnswer> {
  const refuse = (status: number, message: string) => ({ status, message, deliveryId: null });
  const rule = deps.rules.find(({ name }) => name === post.name);
  if (!rule) return refuse(404, "triggers.yaml has no hook of that name.");
  const read = deps.readToken(rule);
  if ("problem" in read) return refuse(503, `The hook ${rule.name} is off: it has no token.`);
  if (!isToken(post.authorization, read.token))
    return refuse(
      401,
      "The hook's token, sent as Authorization: Bearer <token>, is missing or wrong.",
    );
  const body = parseObject(post.rawBody);
  if (body === null) return refuse(400, "The body is not a JSON object.");
  if (isDeeperThan(body, maxDepth))
    return refuse(400, `The body is nested deeper than ${maxDepth} levels.`);
  const given = rule.delivery === null ? undefined : post.header(rule.delivery);
  if (rule.delivery !== null && !/^[\w.:-]{1,200}$/.test(given ?? ""))
    return refuse(400, `The header ${rule.delivery} is missing or is not the id of a delivery.`);
  const id = given ?? createHash("sha256").update(post.rawBody).digest("hex").slice(0, 32);
  const deliveryId = `hook:${rule.name}:${id}`;
  const event = rule.name;
  const isNew = await deps.insert({
    deliveryId,
    source: "hook",
    event,
    action: null,
    payload: body,
  });
  const message = isNew ? `Kept ${deliveryId}.` : `Had ${deliveryId} already.`;
  return { status: 202, message, deliveryId };
}
