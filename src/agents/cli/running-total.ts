import { z } from "zod";
import type { Tokens } from "../../core/usage.ts";

/**
 * The account of a program whose output tells what it used only at the end of a turn, as a total of
 * its whole session. The session remembers it: the last total that was charged, and what was counted
 * call by call in processes that were ended before they could tell theirs.
 */
export type Account = {
  charged: Tokens;
  /** Since then, told in a record and counted already. */
  counted: Tokens;
};

const tokensSchema = z.object({
  inputTokens: z.number(),
  cachedInputTokens: z.number(),
  outputTokens: z.number(),
  reasoningTokens: z.number(),
});
/** `of`: the program's name for the session; each has a total of its own. */
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
 * What a process used, by the total that it told at its end. `restored` is the total that it began
 * with, as its record has it: a program that was killed in a tool forgets the call before it. Without
 * that, all that was counted is in the total. As anybody may have written the record, what it says
 * is believed between those two alone: what is charged is never less than the total.
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
