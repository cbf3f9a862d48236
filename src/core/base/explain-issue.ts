import type { z } from "zod";

/**
 * The problem zod found, as one clause that names the place by its path in wire names; used for
 * bodies, plans and configuration alike. Only one issue is reported: the others are often its echo,
 * and one is fixed at a time. An unknown name is preferred to a missing one, which it most likely
 * misspells.
 */
export type ExplainedIssue = {
  /** Starts in lower case and has no full stop. */
  clause: string;
  path: PropertyKey[];
  /** The path as text; empty for the whole input. */
  field: string;
  /** Set if the issue is an unknown key, which `path` then ends with. */
  unknownKey: string | null;
};

export function explainIssue(error: z.core.$ZodError, whole: string): ExplainedIssue {
  const unknown = error.issues.find(({ code }) => code === "unrecognized_keys");
  const issue = deepest(unknown ?? error.issues[0]);
  const path = [...(issue?.path ?? [])];
  const field = formatPath(path);
  const clause = issue
    ? explain(issue, field === "" ? whole : `"${field}"`)
    : `${whole} is not valid`;
  const key = issue?.code === "unrecognized_keys" ? (issue.keys[0] ?? null) : null;
  return { clause, path: key === null ? path : [...path, key], field, unknownKey: key };
}

type Issue = z.core.$ZodIssue;

/** The deepest issue among a union's branches says most about what was meant. */
function deepest(issue: Issue | undefined): Issue | undefined {
  if (issue?.code !== "invalid_union") return issue;
  const inner = issue.errors.flat().sort((a, b) => b.path.length - a.path.length)[0];
  return inner ? deepest({ ...inner, path: [...issue.path, ...inner.path] }) : issue;
}

function explain(issue: Issue, name: string): string {
  switch (issue.code) {
    case "invalid_type":
      return isMissing(issue)
        ? `${name} is missing; it must be ${article(issue.expected)}`
        : `${name} must be ${article(issue.expected)}${received(issue.message, issue.expected)}`;
    case "unrecognized_keys": {
      const keys = issue.keys.map((key) => `"${key}"`).join(", ");
      return `${name} has ${issue.keys.length === 1 ? "an unknown field" : "unknown fields"}: ${keys}`;
    }
    case "invalid_value":
      return `${name} must be one of ${issue.values.map(String).join(", ")}`;
    case "too_small":
      if (issue.origin === "string" && issue.minimum === 1) return `${name} must not be empty`;
      return `${name} must ${limit(issue.origin, issue.inclusive === false ? "more than" : "at least", issue.minimum)}`;
    case "too_big":
      // A schema's own message is better.
      if (!issue.message.startsWith("Too big")) return `${name} ${issue.message}`;
      return `${name} must ${limit(issue.origin, "at most", issue.maximum)}`;
    case "custom":
    case "invalid_format":
      return issue.message.startsWith("Invalid ")
        ? `${name} does not have the required form`
        : `${name} ${issue.message}`;
    case "invalid_union":
    case "invalid_key":
    case "invalid_element":
    case "not_multiple_of":
      return `${name} is not valid: ${issue.message}`;
  }
}

/** Fastify passes a missing body as null. */
function isMissing({ message, path }: Issue): boolean {
  return message.endsWith(path.length === 0 ? "received null" : "received undefined");
}

function limit(origin: string, bound: string, value: number | bigint): string {
  if (origin === "string") return `have ${bound} ${value} characters`;
  if (origin === "array") return `have ${bound} ${value} ${value === 1 ? "entry" : "entries"}`;
  return `be ${bound} ${value}`;
}

function article(type: string): string {
  if (type === "record") return "an object";
  if (type === "int") return "a whole number";
  return `${/^[aeio]/.test(type) ? "an" : "a"} ${type}`;
}

function received(message: string, expected: string): string {
  const type = /received (\w+)$/.exec(message)?.[1];
  if (type === undefined) return "";
  if (type === "number" && expected === "int") return ""; // it is a number, with a fraction
  return type === "NaN"
    ? ", not a text"
    : type === "null"
      ? ", not null"
      : `, not ${article(type)}`;
}

/** `plan.subtasks[2].depends_on` */
export function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, at) =>
      typeof key === "number" ? `[${key}]` : at > 0 ? `.${String(key)}` : String(key),
    )
    .join("");
}
