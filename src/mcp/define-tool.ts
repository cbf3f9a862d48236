import type { z } from "zod";
import { explainIssue } from "../core/base/explain-issue.ts";
import { findUnstorable } from "../core/text/storable.ts";

/**
 * One tool of the MCP server. Its arguments are validated here instead of by the SDK, so that
 * mistakes are explained in the words of the HTTP API, as an answer that the model can act on.
 */
export type McpTool = {
  name: string;
  title: string;
  description: string;
  input: z.ZodType;
  annotations: Annotations;
  call(value: unknown): Promise<McpAnswer>;
};

type Annotations = { readOnlyHint: boolean; destructiveHint: boolean; idempotentHint: boolean };

export type McpAnswer =
  /** `data` repeats everything in `text`: some clients show their model only one of the two. */
  { ok: true; text: string; data: Record<string, unknown> } | { ok: false; text: string };

export const looks = { readOnlyHint: true, destructiveHint: false, idempotentHint: true };

export function defineMcpTool<Schema extends z.ZodType>(definition: {
  name: string;
  title: string;
  description: string;
  input: Schema;
  annotations: Annotations;
  run: (input: z.infer<Schema>) => Promise<McpAnswer>;
  explain: (error: unknown) => string;
}): McpTool {
  const { run, explain, ...told } = definition;
  return {
    ...told,
    async call(value) {
      const parsed = definition.input.safeParse(value ?? {});
      if (!parsed.success) {
        const { clause } = explainIssue(parsed.error, "the input");
        return refuse(`${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`);
      }
      if (findUnstorable(parsed.data) !== null) {
        return refuse("The input holds a NUL or half of a surrogate pair, which cannot be stored.");
      }
      try {
        return await run(parsed.data);
      } catch (error) {
        return refuse(explain(error));
      }
    },
  };
}

export function refuse(text: string): McpAnswer {
  return { ok: false, text };
}
