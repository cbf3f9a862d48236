import { z } from "zod";
import type { Tokens } from "../../core/budget/usage.ts";

/**
 * Account of a program whose output reports usage only at the end of a turn, as a total of its
 * whole session. The session stores the last total that was charged, and what was counted call by
 * call in processes that were ended before they could report theirs.
 */
export type Account = {
  charged: Tokens;
  /** Reported in a record since then and counted already. */
  counted: Tokens;
};

const tokensSchema = z.object({
  inputTokens: z.number(),
  cachedInputTokens: z.number(),
  outputTokens: z.number(),
  reasoningTokens: z.number(),
});
/** `of`: the program's id for the session; each session has its own total. */
const entrySchema = z.union([
  z.object({ total: tokensSchema, of: z.string().optional() }),
  z.object({ counted: tokensSchema, of: z.string() }),
]);

const none: Tokens = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0 };

export function readAccount(entries: readonly unknown[], session: string | null): Account {
  let account: Account = { charged: none, counted: none };
  for (const entry of entries) {
    const known = entrySchema.safeParse(entry).data;
    if (!known || (known.of !== undefined && known.of !== session)) continue;
    account =
      "total" in known
        ? { charged: known.total, counted: none }
        : { ...account, counted: addTokens(account.counted, known.counted) };
  }
  return account;
}

/**
 * Returns what a process used, from the total it reported at its end. `restored` is the total it
 * started with according to its record: a program killed during a tool forgets the call before it.
 * Without `restored`, the total includes all that was counted. Anybody may have written the record,
 * so it is trusted only between the charged total and that plus the counted calls; the sum charged
 * is never less than the total.
 */
export function chargeFor(total: Tokens, account: Account, restored: Tokens | null): Tokens {
  const highest = addTokens(account.charged, account.counted);
  return combine(total, highest, (all, most, key) => {
    const began = restored === null ? most : Math.max(restored[key], account.charged[key]);
    return Math.max(0, all - Math.min(began, most));
  });
}

export function addTokens(a: Tokens, b: Tokens): Tokens {
  return combine(a, b, (left, right) => left + right);
}

export function subtractTokens(a: Tokens, b: Tokens): Tokens {
  return combine(a, b, (left, right) => Math.max(0, left - right));
}

function combine(
  a: Tokens,
  b: Tokens,
  how: (a: number, b: number, key: keyof Tokens) => number,
): Tokens {
  const of = (key: keyof Tokens) => how(a[key], b[key], key);
  return {
    inputTokens: of("inputTokens"),
    cachedInputTokens: of("cachedInputTokens"),
    outputTokens: of("outputTokens"),
    reasoningTokens: of("reasoningTokens"),
  };
}
