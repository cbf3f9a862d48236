import { z } from "zod";
import { cleanOutsideText } from "../text/outside-text.ts";

/**
 * The answers that an agent offers with its question, in its own words: two to four, each a short line, no
 * two alike. They are an agent's text, so they are cleaned here, and shown as data everywhere.
 */
const fewest = 2;
const most = 4;
const longest = 60;

const choice = z
  .string()
  .max(1_000)
  .transform((text) => cleanOutsideText(text).replace(/\s+/g, " ").trim())
  .refine((text) => text !== "" && [...text].length <= longest, {
    error: `must be a line of 1 to ${longest} characters`,
  });

export const choicesSchema = z
  .array(choice)
  .min(fewest, { error: `must be ${fewest} to ${most}` })
  .max(most, { error: `must be ${fewest} to ${most}` })
  .refine((all) => new Set(all.map(fold)).size === all.length, { error: "must differ" });

/** Those of a question that was asked in a program's own way; none where they are not as they must be. */
export function readChoices(value: unknown): string[] {
  return choicesSchema.safeParse(value).data ?? [];
}

/** What an answer means: a choice by its words or else by its number, from 1 on; else its own words. */
export function pickChoice(choices: readonly string[], answer: string): string {
  const said = fold(answer.trim());
  const byNumber = /^\d$/.test(said) ? choices[Number(said) - 1] : undefined;
  return choices.find((one) => fold(one) === said) ?? byNumber ?? answer;
}

/** `1: keep both · 2: drop it`; empty: the question has none. */
export function listChoices(choices: readonly string[]): string {
  return choices.map((one, index) => `${index + 1}: ${one}`).join(" · ");
}

function fold(text: string): string {
  return text.normalize("NFC").toLowerCase();
}
