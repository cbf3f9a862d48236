import { z } from "zod";
import { cleanOutsideText } from "../text/outside-text.ts";
import type { Priority } from "./review.ts";

/**
 * Answers of reviewers and judges. They read outside text, so their answers are bounded here and
 * decide nothing by themselves: a path is looked up, a command is run, a quote is searched for. The
 * JSON schemas are for models, the zod ones validate what came back.
 */
export const maxFindings = 30;
const maxAnswerLength = 400_000;

const words = (max: number) =>
  z.string().transform((text) => cleanOutsideText(text.slice(0, 4 * max), max).trim());
const someWords = (max: number) => words(max).refine((text) => text !== "", { error: "is empty" });

const linesSchema = z
  .object({ from: z.int().min(1).max(10_000_000), to: z.int().min(1).max(10_000_000) })
  .transform(({ from, to }) => ({ from: Math.min(from, to), to: Math.max(from, to) }))
  .nullable()
  .default(null);

/** Kept verbatim, because it is compared or run. Hidden characters are refused. */
const literal = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((text) => !/[\0\p{Surrogate}]/u.test(text), { error: "holds unreadable characters" });

const findingSchema = z.object({
  priority: z.int().min(0).max(3),
  file: literal(500),
  lines: linesSchema,
  claim: someWords(2_000),
  evidence: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("command"), command: literal(2_000) }),
    z.object({ kind: z.literal("quote"), text: literal(2_000) }),
  ]),
});

const reviewSchema = z.object({
  summary: words(2_000).default(""),
  findings: z.array(findingSchema).max(maxFindings),
  fine: z
    .array(z.object({ file: literal(500), lines: linesSchema, why: words(500).default("") }))
    .max(100)
    .default([]),
});

const rulingSchema = z.object({
  rulings: z
    .array(
      z.object({
        finding: z.string().regex(/^F\d{1,4}$/),
        ruling: z.enum(["stands", "falls"]),
        why: someWords(1_000),
      }),
    )
    .max(200),
});

export type ReviewAnswer = Omit<z.infer<typeof reviewSchema>, "findings"> & {
  findings: (Omit<z.infer<typeof findingSchema>, "priority"> & { priority: Priority })[];
};
export type Ruling = z.infer<typeof rulingSchema>["rulings"][number];

type Read<Answer> = { answer: Answer } | { problem: string };

export function readReviewAnswer(output: unknown): Read<ReviewAnswer> {
  const read = readBy(reviewSchema, output);
  return "problem" in read ? read : { answer: read.answer as ReviewAnswer };
}

export function readRulings(output: unknown): Read<Ruling[]> {
  const read = readBy(rulingSchema, output);
  return "problem" in read ? read : { answer: read.answer.rulings };
}

function readBy<Answer>(schema: z.ZodType<Answer>, output: unknown): Read<Answer> {
  if (output === null || output === undefined) return { problem: "there is no answer in it" };
  const { length } = JSON.stringify(output);
  if (length > maxAnswerLength) return { problem: `it is too long: ${length} characters` };
  const parsed = schema.safeParse(output);
  if (parsed.success) return { answer: parsed.data };
  const [issue] = parsed.error.issues;
  const place = issue?.path.map(String).join(".") || "the answer";
  return { problem: `it does not fit the schema: ${place}: ${issue?.message}` };
}

const object = (properties: Record<string, unknown>) => ({
  type: "object",
  additionalProperties: false,
  required: Object.keys(properties),
  properties,
});
const text = (description: string) => ({ type: "string", description });
const list = (items: unknown, description: string) => ({ type: "array", items, description });
const place = {
  file: text("Path of the file in the repository."),
  lines: {
    anyOf: [object({ from: { type: "integer" }, to: { type: "integer" } }), { type: "null" }],
    description: "Lines of the file as it is now; null: the whole file.",
  },
};

export const reviewOutputSchema: Record<string, unknown> = object({
  summary: text("Your verdict in one or two sentences."),
  findings: list(
    object({
      priority: { type: "integer", enum: [0, 1, 2, 3] },
      ...place,
      claim: text("What is wrong, and what follows from it."),
      evidence: {
        anyOf: [
          object({
            kind: { type: "string", enum: ["command"] },
            command: text("A shell command that fails because of it, run in a clean checkout."),
          }),
          object({
            kind: { type: "string", enum: ["quote"] },
            text: text("The wrong lines, copied exactly from the file or the diff."),
          }),
        ],
      },
    }),
    "What is wrong with the change. Empty when nothing is.",
  ),
  fine: list(
    object({ ...place, why: text("What makes you sure.") }),
    "Places that somebody may doubt, that you looked at closely and found right.",
  ),
});

export const rulingOutputSchema: Record<string, unknown> = object({
  rulings: list(
    object({
      finding: text("Its id, for example F1."),
      ruling: { type: "string", enum: ["stands", "falls"] },
      why: text("The reason in one or two sentences."),
    }),
    "One for each finding you were given.",
  ),
});

const askedForSchema = z.object({
  files: z
    .array(
      z.object({
        path: literal(4_096),
        asked_for: z.boolean(),
        quote: z.string().max(4_000).default(""),
      }),
    )
    .max(500),
});

/** Whether a change to a judge file was asked for, and by which words. */
export type AskedFor = z.infer<typeof askedForSchema>["files"][number];

export function readAskedFor(output: unknown): Read<AskedFor[]> {
  const read = readBy(askedForSchema, output);
  return "problem" in read ? read : { answer: read.answer.files };
}

export const askedForOutputSchema: Record<string, unknown> = object({
  files: list(
    object({
      path: text("As it was listed."),
      asked_for: { type: "boolean" },
      quote: text("The words that ask for it, copied exactly; empty where none do."),
    }),
    "One for each file you were given.",
  ),
});
