import { z } from "zod";

/**
 * The part of each program's parsed login file that a run gets: enough to make calls, nothing that
 * refreshes, and as little as possible of other accounts. Null: it is no login.
 */
export type Lendable = {
  login: unknown;
  /** When it expires; null: unknown, or never. */
  expiresAt: Date | null;
};

/** Either a key, or the tokens of an account. */
const codexSchema = z.union([
  z.looseObject({ tokens: z.looseObject({ access_token: z.string().min(1) }) }),
  z.object({ OPENAI_API_KEY: z.string().min(1), tokens: z.null().optional() }),
]);

export function lendCodex(login: unknown): Lendable | null {
  const own = codexSchema.safeParse(login).data;
  if (!own) return null;
  if (!own.tokens) return { login: own, expiresAt: null };
  const tokens = { ...own.tokens, refresh_token: "" };
  return {
    // Codex refreshes a login that it considers old.
    login: { ...own, tokens, last_refresh: new Date().toISOString() },
    expiresAt: readExpiry(own.tokens.access_token),
  };
}

const claimsSchema = z.object({ exp: z.number() });

/** Reads the expiry from the token, a JWT. Only its provider checks the signature. */
function readExpiry(token: string): Date | null {
  try {
    const claims = Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8");
    return new Date(claimsSchema.parse(JSON.parse(claims)).exp * 1_000);
  } catch {
    return null; // not a JWT
  }
}

const claudeSchema = z.object({
  claudeAiOauth: z.looseObject({
    accessToken: z.string().min(1),
    refreshToken: z.unknown().optional(),
    expiresAt: z.number().nullish(),
  }),
});

export function lendClaude(login: unknown): Lendable | null {
  const own = claudeSchema.safeParse(login).data?.claudeAiOauth;
  if (!own) return null;
  const { refreshToken: _, ...rest } = own;
  const expiresAt = own.expiresAt == null ? null : new Date(own.expiresAt);
  return { login: { claudeAiOauth: rest }, expiresAt };
}

/** By provider. `expires` 0: never refreshed; GitHub's "refresh" is the login itself. */
const opencodeSchema = z.record(
  z.string(),
  z.looseObject({ type: z.string(), expires: z.number().optional().catch(undefined) }),
);

/** With a model, only the login of its provider. */
export function lendOpencode(login: unknown, model: string | null): Lendable | null {
  const own = opencodeSchema.safeParse(login).data;
  if (!own) return null;
  const provider = model?.split("/")[0];
  const lent = Object.entries(own).filter(([name]) => provider === undefined || name === provider);
  const renewed = lent.map(([name, entry]) =>
    entry.type === "oauth" && entry.expires
      ? ([name, { ...entry, refresh: "" }] as const)
      : ([name, entry] as const),
  );
  // With several, the program chooses which one it uses.
  const expires = lent.length === 1 && lent[0]?.[1].type === "oauth" ? lent[0][1].expires : null;
  return {
    login: Object.fromEntries(renewed),
    expiresAt: expires ? new Date(expires) : null,
  };
}
