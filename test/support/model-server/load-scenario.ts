import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { Scenario } from "./scenario.ts";

/** A scenario from a JSON file: what scenario.ts describes, without functions. */
export async function loadScenario(path: string): Promise<Scenario> {
  const parsed = scenarioSchema.safeParse(JSON.parse(await readFile(path, "utf8")));
  if (parsed.success) return parsed.data as Scenario;
  throw new Error(`${path} is no scenario: ${z.prettifyError(parsed.error)}`);
}

const times = { times: z.int().positive().optional() };
const plain = <const Kind extends string>(kinds: readonly Kind[]) =>
  z.strictObject({ kind: z.enum(kinds), ...times });
const tokens = z.int().nonnegative();

const faultSchema = z.union([
  plain(["server_error", "overloaded", "context_length", "insufficient_quota"]),
  plain(["wrong_content_type", "reset", "stall", "malformed", "cut", "cut_arguments"]),
  plain(["hang", "length", "empty", "no_usage"]),
  z.strictObject({
    kind: z.literal("rate_limit"),
    retryAfter: z.union([z.number(), z.string()]).optional(),
    ...times,
  }),
  z.strictObject({ kind: z.literal("usage_limit"), resetsAt: z.int(), ...times }),
  z.strictObject({
    kind: z.literal("status"),
    status: z.int(),
    code: z.string().optional(),
    message: z.string().optional(),
    headers: z.record(z.string(), z.string()).optional(),
    ...times,
  }),
  z.strictObject({
    kind: z.literal("error_event"),
    code: z.string().optional(),
    message: z.string().optional(),
    ...times,
  }),
  z.strictObject({ kind: z.literal("refusal"), message: z.string().optional(), ...times }),
  z.strictObject({ kind: z.literal("unknown_tool"), name: z.string().optional(), ...times }),
]);

const turnSchema = z.strictObject({
  text: z.string().optional(),
  reasoning: z.string().optional(),
  calls: z
    .array(
      z.strictObject({
        tool: z.string(),
        args: z.union([z.string(), z.record(z.string(), z.unknown())]),
      }),
    )
    .optional(),
  json: z.unknown().optional(),
  usage: z
    .strictObject({
      input: tokens,
      cached: tokens.optional(),
      output: tokens,
      reasoning: tokens.optional(),
    })
    .optional(),
  fault: z.union([faultSchema, z.array(faultSchema)]).optional(),
  latencyMs: z.number().nonnegative().optional(),
});

const scenarioSchema = z.strictObject({
  models: z.array(z.string()).optional(),
  roles: z.record(
    z.string(),
    z.strictObject({
      match: z.string().optional(),
      turnsBy: z.enum(["replies", "served"]).optional(),
      turns: z.array(turnSchema),
    }),
  ),
  lacks: z.array(z.enum(["responses", "structured_output", "usage"])).optional(),
});
