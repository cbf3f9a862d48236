import {
  type CommitSettings,
  fillTemplate,
  type Person,
  type Placeholder,
} from "../../core/settings/commit-settings.ts";
import { type Convention, typeOf, wrapLines, writeHeader } from "../../core/text/convention.ts";
import { makeInert } from "../../core/text/inert-text.ts";

/**
 * The message of a commit as it is delivered: by the person's template, else by the repository's
 * convention, else as Deputy wrote it. Pure.
 */
export type MessageParts = {
  /** As Deputy wrote it: title, the agent's summary, trailers. */
  written: string;
  isMerge: boolean;
  /** The task's own title where the commit is all of its work; null: the commit's. */
  title: string | null;
  taskId: string;
  /** The issue that the task is about: `acme/app#7`. */
  issue: string | null;
  files: readonly string[];
  settings: Pick<CommitSettings, "coAuthors" | "message" | "signOff">;
  committer: Person;
  convention: Convention | null;
  /** False leaves the agent's summary out. */
  withBody: boolean;
};

export function composeMessage(parts: MessageParts): string {
  const { coAuthors, message: template, signOff } = parts.settings;
  const paragraphs = parts.written.trimEnd().split("\n\n");
  const own = paragraphs.length > 1 ? (paragraphs.pop() ?? "") : "";
  const [first = "", ...rest] = paragraphs;
  const said = {
    title: parts.title ?? first,
    body: parts.withBody ? rest.join("\n\n").trim() : "",
  };
  const text = parts.isMerge
    ? describeMerge(first, parts)
    : template === null
      ? [headerOf(said.title, parts), wrapBody(said.body, parts)].filter(Boolean).join("\n\n")
      : fillTemplate(template, valuesOf(said, own, parts));
  const { email, name } = parts.committer;
  const trailers = [
    own,
    ...coAuthors.map((person) => `Co-authored-by: ${person}`),
    ...(signOff ? [`Signed-off-by: ${name} <${email}>`] : []),
  ].filter(Boolean);
  const body = text || said.title;
  return `${body}${endsInTrailers(body) ? "\n" : "\n\n"}${trailers.join("\n")}\n`;
}

function headerOf(title: string, { convention, files, issue }: MessageParts): string {
  const header = convention === null ? title : writeHeader(convention, title, files);
  const whole = issue === null ? header : `${header} (${issue})`;
  return [...whole].length <= (convention?.maxHeader ?? 100) ? whole : header;
}

/** A line that begins elsewhere may have become a trailer or a command by that. */
function wrapBody(body: string, { convention }: MessageParts): string {
  return convention === null ? body : makeInert(wrapLines(body));
}

function valuesOf(
  { body, title }: { body: string; title: string },
  trailers: string,
  parts: MessageParts,
): Record<Placeholder, string> {
  return {
    ...{ title, body: wrapBody(body, parts), task: parts.taskId, issue: parts.issue ?? "" },
    // Where the person's template has the issue, it has its place.
    subject: headerOf(
      title,
      parts.settings.message?.includes("{issue}") ? { ...parts, issue: null } : parts,
    ),
    type: typeOf(title, parts.files),
    subtask: subtaskOf(trailers),
  };
}

function subtaskOf(trailers: string): string {
  return /^Deputy-Subtask: (.+)$/m.exec(trailers)?.[1] ?? "";
}

/** In git's own words where there is a convention: its linters let those pass. */
function describeMerge(first: string, { convention }: MessageParts): string {
  const [, key] = /^Merge ([\w.-]+): /.exec(first) ?? [];
  return convention === null || key === undefined ? first : `Merge branch '${key}'`;
}

/** Whether the last paragraph, which is not the only one, has nothing but trailers. */
function endsInTrailers(text: string): boolean {
  const paragraphs = text.split("\n\n");
  const last = paragraphs.at(-1)?.split("\n") ?? [];
  return paragraphs.length > 1 && last.every((line) => /^[A-Za-z][\w-]*: \S/.test(line));
}
