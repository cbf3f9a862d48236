import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Tokens } from "../../core/budget/usage.ts";
import { withFolder } from "../../sandbox/files/open-folder.ts";
import type { Said } from "../cli/cli.ts";
import { subtractTokens } from "../cli/running-total.ts";

/**
 * Finds the file in which Codex keeps a thread,
 * `.codex/sessions/YYYY/MM/DD/rollout-TIME-THREAD.jsonl`. A usage line follows each reply of the
 * model, before its tools run, whereas the output reports usage only at the end of the turn.
 * Versions without that line report it in another one after the tools, which is repeated if nothing
 * is new.
 */
export async function findRollout(home: string, thread: string): Promise<string | null> {
  if (!/^[\da-f-]{36}$/i.test(thread)) return null;
  const sessions = ".codex/sessions";
  // A resumed thread stays in the folder of its first day.
  for (const year of await listNewest(home, sessions)) {
    for (const month of await listNewest(home, join(sessions, year))) {
      for (const day of await listNewest(home, join(sessions, year, month))) {
        const folder = join(sessions, year, month, day);
        const names = await list(home, folder);
        const found = names.find(
          (name) => name.startsWith("rollout-") && name.endsWith(`-${thread}.jsonl`),
        );
        if (found !== undefined) return join(folder, found);
      }
    }
  }
  return null;
}

async function list(home: string, folder: string): Promise<string[]> {
  return withFolder(home, folder, ({ path }) => readdir(path)).catch(() => []); // missing or gone
}

async function listNewest(home: string, folder: string): Promise<string[]> {
  const names = await list(home, folder);
  return names.filter((name) => /^\d{2,4}$/.test(name)).sort((a, b) => b.localeCompare(a));
}

export function makeRolloutReader(model: string): (line: unknown) => Said[] {
  let hasSpoken = false;
  let hasCalled = false;
  let first: Tokens | null = null;
  let isBegun = false;
  const sayUsage = (tokens: Tokens): Said => {
    const isLast = !hasCalled; // without a tool to run, the turn is over
    [hasSpoken, hasCalled] = [false, false];
    return { what: "usage", call: { model, tokens, latencyMs: 0, costUsd: null }, isLast };
  };
  return (line) => {
    const limits = limitSchema.safeParse(line).data?.payload.rate_limits;
    const event = lineSchema.safeParse(line).data;
    return [...(limits ? [readLimits(limits)] : []), ...readUsage(event)];
  };

  function readUsage(event: z.infer<typeof lineSchema> | undefined): Said[] {
    switch (event?.type) {
      case "response_item": {
        const { type, role } = event.payload;
        const isCall = type.endsWith("_call");
        hasCalled ||= isCall;
        hasSpoken ||= isCall || type === "reasoning" || role === "assistant";
        return [];
      }
      case "token_usage_record":
        first ??= event.payload.usage;
        return [sayUsage(event.payload.usage)];
      case "event_msg": {
        const { last_token_usage: last, total_token_usage: total } = event.payload.info;
        if (first === null) return hasSpoken ? [sayUsage(last)] : [];
        if (isBegun) return [];
        isBegun = true;
        return [{ what: "restored", tokens: subtractTokens(total, first) }];
      }
      case undefined:
        return [];
    }
  }
}

/** Of the used-up windows, returns the one that ends last; Codex reports both with each reply. */
function readLimits({ primary, secondary }: Limits): Said {
  const ends = [primary, secondary].flatMap((window) =>
    window && window.used_percent >= 100 ? [endOf(window)] : [],
  );
  if (ends.length === 0) return { what: "limit", reached: null };
  const known = ends.flatMap((end) => end ?? []);
  return {
    what: "limit",
    reached: { resetsAt: known.length > 0 ? new Date(Math.max(...known)) : null },
  };
}

function endOf({ resets_at: at, resets_in_seconds: inSeconds }: Window): number | null {
  if (at) return at * 1_000;
  return inSeconds ? Date.now() + inSeconds * 1_000 : null;
}

const seconds = z.number().positive().max(1e11).nullish().catch(null);
const windowSchema = z
  .object({ used_percent: z.number(), resets_at: seconds, resets_in_seconds: seconds })
  .nullish()
  .catch(null);
type Window = NonNullable<z.infer<typeof windowSchema>>;
const limitsSchema = z.object({ primary: windowSchema, secondary: windowSchema });
type Limits = z.infer<typeof limitsSchema>;
const limitSchema = z.object({
  type: z.literal("event_msg"),
  payload: z.object({ type: z.literal("token_count"), rate_limits: limitsSchema }),
});

/** More than any call uses; larger numbers are an attempt to corrupt the account. */
const count = z.number().int().min(0).max(1e12);
const usageSchema = z
  .object({
    input_tokens: count,
    cached_input_tokens: count,
    output_tokens: count,
    reasoning_output_tokens: count,
  })
  .transform(
    (used): Tokens => ({
      inputTokens: used.input_tokens,
      cachedInputTokens: used.cached_input_tokens,
      outputTokens: used.output_tokens,
      reasoningTokens: used.reasoning_output_tokens,
    }),
  );

const lineSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("response_item"),
    payload: z.object({ type: z.string(), role: z.string().nullish() }),
  }),
  z.object({
    type: z.literal("token_usage_record"),
    payload: z.object({ usage: usageSchema }),
  }),
  z.object({
    type: z.literal("event_msg"),
    payload: z.object({
      type: z.literal("token_count"),
      info: z.object({ total_token_usage: usageSchema, last_token_usage: usageSchema }),
    }),
  }),
]);
