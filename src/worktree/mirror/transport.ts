import { DeputyError } from "../../core/base/error.ts";
import { type Git, openGit } from "../git/git.ts";
import type { GitFailure } from "../git/git-failure.ts";
import { isLoopback, type Repository } from "./repository-url.ts";

/**
 * The header with which git asks for a URL, `Authorization: …`; null: nothing is sent. `write`: it is for
 * a push, so where that cannot be allowed it throws a DeputyError that says why.
 */
export type AuthHeader = (url: string, use?: "write") => Promise<string | null>;

/** Git that may access this repository on the user's behalf; see git-environment.ts. */
export function openTransport(
  repository: Repository,
  place: {
    gitDir: string | null;
    authHeader?: string | undefined;
    config?: Readonly<Record<string, string>>;
  },
): Git {
  const url =
    repository.kind === "remote" && URL.canParse(repository.url) ? new URL(repository.url) : null;
  // Matches git@host:owner/repository; no local path looks like it.
  const scpHost = /^[^/@:]+@([^/:]+):/.exec(repository.url)?.[1];
  const isHttp = url?.protocol === "https:" || url?.protocol === "http:";
  return openGit({
    gitDir: place.gitDir,
    mode: "transport",
    cwd: place.gitDir ?? "/",
    ...(place.config && { config: place.config }),
    host: (url?.hostname ?? scpHost)?.toLowerCase() ?? null,
    allowHttp: url?.protocol === "http:" && isLoopback(url.hostname),
    ...(isHttp && place.authHeader
      ? { auth: { origin: `${url.protocol}//${url.host}`, header: place.authHeader } }
      : {}),
  });
}

const causes: [RegExp, string][] = [
  [
    /could not read Username|Authentication failed|Permission denied|HTTP 40[13]|error: 40[13]|terminal prompts disabled/i,
    "it refused our credentials: set up a credential helper, an ssh key or a token for the user of the daemon",
  ],
  [
    /promisor remote|lazy fetching/i,
    "it is a partial clone, which lacks objects that only its own remote has: hand in that remote's URL instead, or clone it again without --filter",
  ],
  [/Host key verification failed/i, "its host key is not known: connect once by hand with ssh"],
  [
    /not found|does not appear to be a git repository|error: 404|does not exist/i,
    "there is no such repository, or it is hidden from us: check the URL and the access",
  ],
  [
    /not our ref|no such remote ref|couldn't find remote ref|unadvertised object/i,
    "it does not have that commit",
  ],
  [/transport '.*' not allowed/i, "its protocol is not allowed"],
];

/** A failed fetch or push as a sentence for people. Unknown failures count as network trouble. */
export function explainTransport(failure: GitFailure, repository: Repository): DeputyError {
  const [, object, fault] = /\bobject ([0-9a-f]{40}): (\w+: .+)/.exec(failure.stderr) ?? [];
  if (object) {
    return new DeputyError(
      "unprocessable",
      `git does not take ${repository.url}: its object ${object.slice(0, 10)} is broken or hostile (${fault}); git fsck there names it.`,
      { field: "repository" },
    );
  }
  const known = causes.find(([pattern]) => pattern.test(failure.stderr));
  if (known) {
    return new DeputyError("unprocessable", `git cannot reach ${repository.url}: ${known[1]}.`, {
      field: "repository",
    });
  }
  const lines = failure.stderr.split("\n").filter((line) => line.trim() !== "");
  const said =
    lines.find((line) => /^(fatal|error):/.test(line)) ?? lines.at(-1) ?? "it said nothing";
  return new DeputyError("unavailable", `git cannot reach ${repository.url}: ${said}`, {
    field: "repository",
  });
}
