import type { z } from "zod";
import { DeputyError } from "../core/error.ts";

/**
 * What zod found wrong, as one sentence that names the field by its path in wire names. Only the
 * first issue is told: the others are often its echo, and one thing can be mended at a time.
 */
export function toInputError(error: z.core.$ZodError, part: string): DeputyError {
  const issue = deepest(error.issues[0]);
  const path = issue ? formatPath(issue.path) : "";
  const name = path === "" ? `the ${part}` : `"${path}"`;
  const sentence = issue ? explain(issue, name) : `The ${part} is not valid.`;
  return new DeputyError("invalid_input", capitalize(sentence), path === "" ? {} : { field: path });
}

type Issue = z.core.$ZodIssue;

/** The issue that goes deepest among a union's branches says most about what was meant. */
function deepest(issue: Issue | undefined): Issue | undefined {
  if (issue?.code !== "invalid_union") return issue;
  const inner = issue.errors.flat().sort((a, b) => b.path.length - a.path.length)[0];
  return inner ? deepest({ ...inner, path: [...issue.path, ...inner.path] }) : issue;
}

function explain(issue: Issue, name: string): string {
  switch (issue.code) {
    case "invalid_type":
      return isMissing(issue)
        ? `${name} is missing; it must be ${article(issue.expected)}.`
        : `${name} must be ${article(issue.expected)}${received(issue.message)}.`;
    case "unrecognized_keys": {
      const keys = issue.keys.map((key) => `"${key}"`).join(", ");
      return `${name} has ${issue.keys.length === 1 ? "an unknown field" : "unknown fields"}: ${keys}.`;
    }
    case "invalid_value":
      return `${name} must be one of ${issue.values.map(String).join(", ")}.`;
    case "too_small":
      if (issue.origin === "string" && issue.minimum === 1) return `${name} must not be empty.`;
      return `${name} must ${limit(issue.origin, issue.inclusive === false ? "more than" : "at least", issue.minimum)}.`;
    case "too_big":
      // A schema that says it in its own words says it better.
      if (!issue.message.startsWith("Too big")) return `${name} ${issue.message}.`;
      return `${name} must ${limit(issue.origin, "at most", issue.maximum)}.`;
    case "custom":
    case "invalid_format":
      return issue.message.startsWith("Invalid ")
        ? `${name} has not the form it must have.`
        : `${name} ${issue.message}.`;
    case "invalid_union":
    case "invalid_key":
    case "invalid_element":
    case "not_multiple_of":
      return `${name} is not valid: ${issue.message}.`;
  }
}

/** A body that is not there is null to fastify. */
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

function received(message: string): string {
  const type = /received (\w+)$/.exec(message)?.[1];
  if (type === undefined) return "";
  return type === "NaN"
    ? ", not a text"
    : type === "null"
      ? ", not null"
      : `, not ${article(type)}`;
}

function capitalize(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** `plan.subtasks[2].depends_on` */
function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, at) =>
      typeof key === "number" ? `[${key}]` : at > 0 ? `.${String(key)}` : String(key),
    )
    .join("");
}
