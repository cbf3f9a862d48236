import { z } from "zod";

/**
 * How the commits that are delivered look, as the person who runs the daemon configured it, for all
 * repositories and for single ones: whose they are, what their messages say, whether they are signed.
 */
const person = /^[^<>\n\p{Cc}]+ <[^<>@\s\p{Cc}]+@[^<>\s\p{Cc}]+>$/u;

export const personSchema = z.string().trim().max(300).regex(person, {
  error: 'must be a name and an address, like "Ada Lovelace <ada@example.org>"',
});

/** What a template's `{word}` stands for; each may be empty but the first four and `{subtask}`. */
export const placeholders = [
  /** The header that Deputy would write: in the repository's convention, else the title. */
  "subject",
  /** What was done, in one line. */
  "title",
  /** fix, feat, docs, test or chore. */
  "type",
  "task",
  "subtask",
  /** The issue, as `acme/app#7`. */
  "issue",
  /** The agent's summary. */
  "body",
] as const;
export type Placeholder = (typeof placeholders)[number];

const templateSchema = z
  .string()
  .max(4_000)
  .refine((text) => text.trim() !== "", { error: "must not be empty" })
  .superRefine((text, context) => {
    const unknown = text.match(/\{[^{}\n]*\}/g)?.find((found) => !isKnown(found.slice(1, -1)));
    if (unknown === undefined) return;
    const known = placeholders.map((word) => `{${word}}`).join(", ");
    context.addIssue({
      code: "custom",
      message: `has the unknown placeholder ${unknown}: it may have ${known}`,
    });
  });

function isKnown(word: string): word is Placeholder {
  return placeholders.some((known) => known === word);
}

export const commitsSchema = z.strictObject({
  author: personSchema.optional(),
  /** Default: the author. */
  committer: personSchema.optional(),
  co_authored_by: z.array(personSchema).max(20).optional(),
  sign_off: z.boolean().optional(),
  message: templateSchema.optional(),
  sign: z.boolean().optional(),
});

export type Person = { name: string; email: string };

export type CommitSettings = {
  /** Null: Deputy. */
  author: Person | null;
  committer: Person | null;
  coAuthors: readonly string[];
  signOff: boolean;
  /** Null: the repository's convention, else the title and the agent's summary. */
  message: string | null;
  sign: boolean;
};

export const plainCommits: CommitSettings = {
  ...{ author: null, committer: null, coAuthors: [], signOff: false, message: null, sign: false },
};

/** Fills a template in. A line whose placeholders are all empty is left out. */
export function fillTemplate(template: string, values: Record<Placeholder, string>): string {
  const lines = template.split("\n").flatMap((line) => {
    const words = [...line.matchAll(/\{(\w+)\}/g)].flatMap(([, word = ""]) =>
      isKnown(word) ? [word] : [],
    );
    if (words.length > 0 && words.every((word) => values[word] === "")) return [];
    return [line.replace(/\{(\w+)\}/g, (all, word) => (isKnown(word) ? values[word] : all))];
  });
  return lines
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

export function parsePerson(text: string): Person {
  const [, name = "", email = ""] = /^(.*) <([^<>]*)>$/.exec(text) ?? [];
  return { name, email };
}
