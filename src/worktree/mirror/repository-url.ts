import { createHash } from "node:crypto";
import { basename, isAbsolute, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { DeputyError } from "../../core/base/error.ts";
import { findCommit, inspectSource } from "./source-repository.ts";

/**
 * What a repository may be: a folder of this machine by its absolute path or a file:// URL, or a
 * remote by https:// or ssh. Everything else that git accepts (`ext::` runs a program, a leading
 * `-` is an option) is refused here, before git sees it.
 */
export type Repository = {
  kind: "local" | "remote";
  /** An absolute path, or the URL as git takes it. Safe in argv: it holds no password. */
  url: string;
  /** Names its mirror: readable, and unique by a hash of the URL. */
  key: string;
  /** For people and branch names: the last part without `.git`. */
  name: string;
};

export const repositoryHelp =
  "use an absolute path, or a file://, https:// or ssh:// URL, or git@host:owner/repository";

/** Parses the text only; see `checkRepository`. Throws a DeputyError for any unsupported form. */
export function parseRepository(text: string): Repository {
  if (text === "") throw refuse("is empty");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (/[\u0000-\u001f\u007f]/.test(text)) throw refuse("holds a control character");
  if (text.length > 4096) throw refuse("is longer than 4096 characters");
  if (isAbsolute(text)) return describe("local", resolve(text));
  if (/^file:/i.test(text)) return describe("local", parseFileUrl(text));
  if (/^(https|ssh|http):\/\//i.test(text)) return describe("remote", parseRemoteUrl(text));
  const scp = /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)[A-Za-z0-9][A-Za-z0-9.-]*:(?!-)[^\s:][^\s]*$/;
  if (scp.test(text)) return describe("remote", text);
  throw refuse("is no path and no URL that Deputy fetches from");
}

export type CheckedRepository = {
  /** The root of the checkout, the folder of a bare repository, or the URL. */
  topLevel: string;
  /** The branch that HEAD is on; null when it is detached or unknown yet. */
  headRef: string | null;
  /** The full commit of `base`, or of HEAD without one; null for a remote, which is not asked. */
  baseCommit: string | null;
};

/**
 * The check at intake: quick, read-only, and with one clear sentence for what cannot work. For a
 * remote only the URL is checked; it is fetched when the task is planned.
 */
export async function checkRepository(
  repository: Repository,
  base: string | null = null,
): Promise<CheckedRepository> {
  if (repository.kind === "remote") {
    return { topLevel: repository.url, headRef: null, baseCommit: null };
  }
  const source = await inspectSource(repository.url);
  const baseCommit = base === null ? source.headCommit : await findCommit(source, base);
  if (source.headCommit === null && baseCommit === null) {
    const where = base === null ? "" : ` (and so no base "${base}")`;
    throw new DeputyError(
      "unprocessable",
      `The repository ${source.topLevel} has no commit to start from${where}: commit something first.`,
      { field: "repository" },
    );
  }
  if (baseCommit === null) {
    throw new DeputyError(
      "unprocessable",
      `The base "${base}" is no branch, tag or commit of ${source.topLevel}: name one that exists there.`,
      { field: "base" },
    );
  }
  return { topLevel: source.topLevel, headRef: source.headRef, baseCommit };
}

function parseFileUrl(text: string): string {
  try {
    const url = new URL(text);
    if (url.search !== "" || url.hash !== "") throw new Error("query");
    return resolve(fileURLToPath(url));
  } catch {
    throw refuse("is no file:// URL of a folder on this machine");
  }
}

function parseRemoteUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || url.hostname === "" || url.pathname.length < 2 || /\s/.test(text)) {
    throw refuse("is no complete URL");
  }
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    throw refuse("is unencrypted http, which is for this machine only");
  }
  if (url.hostname.startsWith("-") || url.username.startsWith("-"))
    throw refuse("reads like an option");
  if (url.password !== "" || (url.protocol !== "ssh:" && url.username !== "")) {
    throw refuse(
      "holds a user name or password",
      "leave them out, git asks its credential helper for them",
    );
  }
  if (url.search !== "" || url.hash !== "") throw refuse("has a query or a fragment");
  return text;
}

/** Whether a URL's host name is this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function describe(kind: Repository["kind"], url: string): Repository {
  const last = kind === "local" ? basename(url) : (url.split(/[/:]/).filter(Boolean).at(-1) ?? "");
  const name = last.replace(/\.git$/, "").replace(/[^A-Za-z0-9._-]+/g, "-") || "repository";
  const hash = createHash("sha256").update(url).digest("hex").slice(0, 16);
  return { kind, url, name, key: `${name.replace(/^[.-]+/, "").slice(0, 40) || "r"}-${hash}` };
}

function refuse(why: string, help: string = repositoryHelp): DeputyError {
  return new DeputyError("invalid_input", `The repository ${why}: ${help}.`, {
    field: "repository",
  });
}
