import { hash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { HookRule } from "./hook-rule.ts";

/** A shorter one could be guessed. */
const minLength = 16;

/** The token of a hook, read anew each time, so that it can be replaced; or why there is none. */
export function readHookToken(
  { name, tokenEnv, tokenFile }: Pick<HookRule, "name" | "tokenEnv" | "tokenFile">,
  env: Readonly<Record<string, string | undefined>>,
): { token: string } | { problem: string } {
  const where = tokenEnv ?? tokenFile ?? "";
  const refuse = (why: string) => ({ problem: `The hook ${name} is off: ${why}` });
  let token = "";
  try {
    if (tokenFile !== null) {
      const { mode, uid } = statSync(tokenFile);
      if ((mode & 0o077) !== 0 || (process.getuid && uid !== process.getuid()))
        return refuse(`others may read ${tokenFile}; give it the daemon's user and mode 0600`);
    }
    token = (tokenFile === null ? (env[where] ?? "") : readFileSync(tokenFile, "utf8")).trim();
  } catch (error) {
    return refuse(`${tokenFile} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  if (token === "") return refuse(`${where} holds no token; any long random text will do`);
  if (token.length < minLength || /\s/.test(token))
    return refuse(`the token in ${where} must be one word of at least ${minLength} characters`);
  return { token };
}

/** In a time that tells nothing about the token. */
export function isToken(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1] ?? "";
  const digest = (text: string) => hash("sha256", text, "buffer");
  return timingSafeEqual(digest(given), digest(token));
}
