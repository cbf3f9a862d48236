import { readFileSync } from "node:fs";
import { DeputyError } from "../core/base/error.ts";

/**
 * Readers of environment variables: an unset or empty one is null, and a wrong one is a DeputyError
 * that names it and never shows a secret.
 */

/** `NAME`, or the trimmed contents of the file that `NAME_FILE` names. */
export function readSecret(env: NodeJS.ProcessEnv, name: string): string | null {
  const direct = env[name];
  if (direct) return direct;
  const file = env[`${name}_FILE`];
  if (!file) return null;
  try {
    return readFileSync(file, "utf8").trim() || null;
  } catch (error) {
    throw new DeputyError(
      "invalid_input",
      `${name}_FILE names ${file}, which cannot be read: ${(error as NodeJS.ErrnoException).code}.`,
    );
  }
}

/** The daemon's secrets: those that configure it, and those that a tool server's rule may name. */
export function findSecrets(env: NodeJS.ProcessEnv): string[] {
  const named = Object.entries(env).flatMap(([name, value]) => {
    const own = name.replace(/_FILE$/, "");
    if (!(secretName.test(own) || secretUrl.test(own)) || !value) return [];
    const text = own === name ? value : readSecret(env, own);
    // Several webhook secrets are separated by commas, several addresses by white space.
    const parts = text?.split(secretUrl.test(own) ? /\s+/ : ",") ?? [];
    return text ? [text, ...parts.map((part) => part.trim())] : [];
  });
  return [...new Set(named)];
}

const secretName = /(?:TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|PRIVATE_KEY|ACCESS_KEY|CREDENTIALS?)$/;
/** Whoever has one of these addresses may post there. */
const secretUrl = /^DEPUTY_(?:SLACK_URL|DISCORD_URL|APPRISE_URLS)$/;

/**
 * The address of a server that we speak to: http or https, without a login, which no request carries.
 * `where`: what it is called where it was given, for messages.
 */
export function requireAddress(where: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^https?:$/.test(url.protocol) && url.username + url.password === "") return text;
  throw new DeputyError(
    "invalid_input",
    `${where} must be the address of a server: an http or https URL without a login.`,
  );
}

export function readChoice<Word extends string>(
  env: NodeJS.ProcessEnv,
  name: string,
  words: readonly Word[],
): Word | null {
  const text = env[name];
  if (text === undefined || text === "") return null;
  const word = words.find((known) => known === text);
  if (word) return word;
  throw new DeputyError(
    "invalid_input",
    `${name} must be one of ${words.join(", ")}, not "${text}".`,
  );
}

export function readNumber(
  env: NodeJS.ProcessEnv,
  name: string,
  min: number,
  max: number,
): number | null {
  const text = env[name];
  if (text === undefined || text === "") return null;
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new DeputyError(
      "invalid_input",
      `${name} must be a whole number from ${min} to ${max}, not "${text}".`,
    );
  }
  return value;
}
