import { isMap, isPair, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import type { z } from "zod";
import { DeputyError } from "../../core/base/error.ts";
import {
  type RepositoryConfig,
  repositoryConfigSchema,
} from "../../core/settings/repository-config.ts";
import { maxPorts } from "../../core/settings/service.ts";
import { findUnstorable } from "../../core/text/storable.ts";

/**
 * Reads `.deputy/config.yaml`. A mistake in it stops the task before anything runs, with one
 * sentence that names the file, the line and the field, because a check that silently does not
 * exist is worse than no start.
 */
export const repositoryConfigPath = ".deputy/config.yaml";

const maxLength = 256 * 1024;
const knownKeys = {
  "": Object.keys(repositoryConfigSchema.shape),
  checks: ["name", "run", "timeout_minutes", "report"],
  services: ["name", "run", "port", "ready", "stop", "start_timeout_s"],
};
/** What a union of the schema may be, by the last named part of its path. */
const choices: Readonly<Record<string, string>> = {
  checks: "a command, or a map with `run`",
  port: "the name of a variable, or a list of them",
  ready: "a command, or the number of a port",
};
/** Variables that mean something to every command, or to the daemon. */
const reserved =
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|TZ|TMPDIR|TERM|CI|ENV|IFS|PWD|NODE_OPTIONS|(?:LC|LD|DEPUTY|BASH|GIT)_\w*)$/;

type Place = { line: number; path: readonly PropertyKey[] };

/**
 * Parses the text of the file. An empty file is an empty configuration. `files`: those of its commit,
 * in which the folders that it names are looked up.
 */
export function readRepositoryConfig(
  text: string,
  files: readonly string[] = [],
): RepositoryConfig {
  if (text.length > maxLength) throw fail({ line: 1, path: [] }, "the file is larger than 256 KiB");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors[0];
  if (broken) {
    throw fail({ line: lines.linePos(broken.pos[0]).line, path: [] }, broken.message);
  }
  const lineOf = (path: readonly PropertyKey[]) => findLine(document.contents, path, lines);
  let value: unknown;
  try {
    value = document.toJS() ?? {};
  } catch (error) {
    throw fail({ line: 1, path: [] }, (error as Error).message); // endless aliases
  }
  const parsed = repositoryConfigSchema.safeParse(value);
  if (!parsed.success) {
    const { path, message } = explain(parsed.error.issues[0], value);
    throw fail({ line: lineOf(path), path }, message);
  }
  const stray = findUnstorable(value);
  if (stray) {
    const reason = "holds a NUL or half of a surrogate pair, which no command can";
    throw fail({ line: lineOf(stray), path: stray }, reason);
  }
  for (const [index, check] of (parsed.data.checks ?? []).entries()) {
    if (typeof check === "string" || check.report === undefined) continue;
    if (check.report.startsWith("/") || check.report.split("/").includes("..")) {
      const path = ["checks", index, "report"];
      throw fail({ line: lineOf(path), path }, "must be a path inside the repository");
    }
  }
  for (const [index, folder] of (parsed.data.sparse ?? []).entries()) {
    const problem = findFolderProblem(folder, files);
    if (problem === null) continue;
    const path = ["sparse", index];
    throw fail({ line: lineOf(path), path }, `${JSON.stringify(folder)} ${problem}`);
  }
  const wrong = findWrongService(parsed.data.services ?? []);
  if (wrong) throw fail({ line: lineOf(wrong.path), path: wrong.path }, wrong.message);
  return parsed.data;
}

/** Why this is no folder that worktrees could hold; null: it is one. */
function findFolderProblem(text: string, files: readonly string[]): string | null {
  if (text.startsWith("/")) return "is an absolute path: write it from the repository's root";
  if (/[*?[\]\\]/.test(text))
    return "is a pattern: name a folder, which is taken with all below it";
  const folder = text.replace(/\/$/, "");
  if (folder.split("/").some((name) => /^\.{0,2}$/.test(name)))
    return 'must be a folder below the root, without "." and ".." in its path';
  if (files.some((file) => file.startsWith(`${folder}/`))) return null;
  return files.includes(folder)
    ? "is a file in the base commit: name the folder around it"
    : "is no folder of the base commit: correct the name, or take it out";
}

type Services = NonNullable<RepositoryConfig["services"]>;

/** What the schema cannot say of services: names and variables are used once, and are free. */
function findWrongService(services: Services): { path: PropertyKey[]; message: string } | null {
  const names = new Set<string>();
  const variables = new Set<string>();
  for (const [index, { name, port = [] }] of services.entries()) {
    const at = (field: string, message: string) => ({ path: ["services", index, field], message });
    if (names.has(name)) return at("name", `another service is named ${name}, too`);
    names.add(name);
    for (const variable of typeof port === "string" ? [port] : port) {
      if (reserved.test(variable)) return at("port", `${variable} has a meaning of its own`);
      if (variables.has(variable)) return at("port", `${variable} is the variable of another port`);
      variables.add(variable);
      if (variables.size > maxPorts)
        return at("port", `services have at most ${maxPorts} ports in all`);
    }
  }
  return null;
}

type Issue = z.core.$ZodIssue;

/** Explains an issue, in our words where zod's are unclear, with the path it concerns. */
function explain(
  issue: Issue | undefined,
  value: unknown,
): { path: PropertyKey[]; message: string } {
  if (!issue) return { path: [], message: "is not valid" };
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    const [section] = issue.path;
    const known = knownKeys[section === "checks" || section === "services" ? section : ""];
    const near = known.find((name) => distance(name, key) <= 2);
    const hint = near ? `did you mean \`${near}\`?` : `known keys: ${known.join(", ")}`;
    return { path: [...issue.path, key], message: `unknown key \`${key}\`; ${hint}` };
  }
  if (issue.code === "invalid_union") {
    const inner = issue.errors.find((issues) => !isWrongKind(issues[0]))?.[0];
    if (inner) {
      return explain({ ...inner, path: [...issue.path, ...inner.path] } as Issue, value);
    }
    const last = issue.path.findLast((part) => typeof part === "string");
    const what = choices[String(last)] ?? "a command or a list of commands";
    return { path: issue.path, message: `must be ${what}` };
  }
  const what =
    issue.path.length === 0 && issue.code === "invalid_type"
      ? `must be a map with these keys: ${knownKeys[""].join(", ")}`
      : issue.message;
  return { path: issue.path, message: what };
}

function isWrongKind(issue: Issue | undefined): boolean {
  return !issue || (issue.code === "invalid_type" && issue.path.length === 0);
}

function fail({ line, path }: Place, message: string): DeputyError {
  const field = path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "");
  const named = field === "" || message.startsWith("unknown key") ? "" : `\`${field}\`: `;
  return new DeputyError(
    "unprocessable",
    `\`${repositoryConfigPath}\` line ${line}: ${named}${message}`,
    { line, ...(field === "" ? {} : { field }) },
  );
}

/** The line of the deepest part of `path` that the file has; for a map's entry the key's line. */
function findLine(root: Node | null, path: readonly PropertyKey[], lines: LineCounter): number {
  let offset = root?.range?.[0] ?? 0;
  let node: unknown = root;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(part),
      );
      if (!pair) break;
      offset = (isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
      node = pair.value;
    } else {
      const next = (node as { items?: Node[] } | null)?.items?.[Number(part)];
      if (!next) break;
      offset = next.range?.[0] ?? offset;
      node = next;
    }
  }
  return lines.linePos(offset).line;
}

/** Edit distance in letters: insertions, deletions, replacements. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
