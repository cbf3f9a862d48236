import { z } from "zod";

/** Checks answers against a JSON schema, and whether servers can enforce the schema. */

type Schema = Record<string, unknown>;

export type ReadAnswer = (
  value: unknown,
) => { ok: true; output: unknown } | { ok: false; problem: string };

/** Throws if the schema itself is invalid. */
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

/** Returns the JSON in a reply: all of it, or the last fenced block. Undefined if there is none. */
export function findJson(text: string): unknown {
  const fenced = [...text.matchAll(/```(?:json)?\s*\n([\s\S]*?)\n\s*```/g)].at(-1)?.[1];
  for (const candidate of [text.trim(), fenced]) {
    if (!candidate || !/^[[{]/.test(candidate.trim())) continue;
    try {
      return JSON.parse(candidate);
    } catch {
      // text that begins like JSON
    }
  }
  return undefined;
}

/**
 * Returns the schema if servers can enforce it exactly: every object closed, every property
 * required. Otherwise null, and the server gets the schema as advice.
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
