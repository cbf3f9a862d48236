import { z } from "zod";

/** What an answer by a JSON schema is checked with, and what servers want such a schema to be like. */

type Schema = Record<string, unknown>;

export type ReadAnswer = (
  value: unknown,
) => { ok: true; output: unknown } | { ok: false; problem: string };

/** Throws when the schema itself is none. */
export function readAnswersBy(schema: Schema): ReadAnswer {
  const checker = z.fromJSONSchema(schema);
  return (value) => {
    const { success, data, error } = checker.safeParse(value);
    if (success) return { ok: true, output: data };
    const issues = error.issues
      .slice(0, 10)
      .map(({ path, message }) => `${path.join(".") || "the answer"}: ${message}`);
    return { ok: false, problem: issues.join("; ") };
  };
}

/** The JSON in a model's words: all of them, or the last fenced block. Undefined when there is none. */
export function findJson(text: string): unknown {
  const fenced = [...text.matchAll(/```(?:json)?\s*\n([\s\S]*?)\n\s*```/g)].at(-1)?.[1];
  for (const candidate of [text.trim(), fenced]) {
    if (!candidate || !/^[[{]/.test(candidate.trim())) continue;
    try {
      return JSON.parse(candidate);
    } catch {
      // words that begin like JSON
    }
  }
  return undefined;
}

/**
 * The schema, when it is one that servers can hold a model to exactly: every object closed, every
 * property required. Null otherwise; then the server gets it as advice.
 */
export function strictSchema(schema: Schema): Schema | null {
  const isStrict = (node: unknown): boolean => {
    if (Array.isArray(node)) return node.every(isStrict);
    if (typeof node !== "object" || node === null) return true;
    const { properties, required, additionalProperties } = node as Schema;
    if (typeof properties === "object" && properties !== null) {
      const names = Object.keys(properties);
      if (additionalProperties !== false || !Array.isArray(required)) return false;
      if (!names.every((name) => required.includes(name))) return false;
    }
    return Object.values(node).every(isStrict);
  };
  return schema.type === "object" && isStrict(schema) ? schema : null;
}
