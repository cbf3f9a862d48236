import type { z } from "zod";
import { DeputyError } from "../core/base/error.ts";
import {
  type CommitSettings,
  type commitsSchema,
  parsePerson,
  personSchema,
  plainCommits,
} from "../core/settings/commit-settings.ts";

/** How delivered commits look: the general settings, and those of single repositories. */
export type CommitsConfig = {
  everywhere: CommitSettings;
  /** By the repository as a task names it. */
  byRepository: ReadonlyMap<string, CommitSettings>;
};

type InFile = z.infer<typeof commitsSchema>;

/**
 * Reads `commits:` of the file and of its repositories; what a repository leaves out is general. The
 * environment is more than the general part and less than a repository's own.
 */
export function readCommits(
  general: InFile | undefined,
  repositories: readonly (readonly [string, InFile | undefined])[],
  env: NodeJS.ProcessEnv,
): CommitsConfig {
  const everywhere = merge(merge(plainCommits, general ?? {}, "commits"), fromEnv(env), "commits");
  const own = repositories.flatMap(([name, file]) =>
    file ? [[name, merge(everywhere, file, `repositories: ${name}: commits`)] as const] : [],
  );
  return { everywhere, byRepository: new Map(own) };
}

export function commitSettings(config: CommitsConfig, repository: string): CommitSettings {
  return config.byRepository.get(repository) ?? config.everywhere;
}

function merge(base: CommitSettings, file: InFile, where: string): CommitSettings {
  const settings = {
    author: file.author === undefined ? base.author : parsePerson(file.author),
    committer: file.committer === undefined ? base.committer : parsePerson(file.committer),
    coAuthors: file.co_authored_by ?? base.coAuthors,
    signOff: file.sign_off ?? base.signOff,
    message: file.message ?? base.message,
    sign: file.sign ?? base.sign,
  };
  if (settings.signOff && settings.author === null && settings.committer === null)
    throw new DeputyError(
      "invalid_input",
      `sign_off under ${where} needs somebody who signs off: set author or committer there, or DEPUTY_COMMIT_AUTHOR.`,
    );
  return settings;
}

function fromEnv(env: NodeJS.ProcessEnv): InFile {
  const author = readPerson(env, "DEPUTY_COMMIT_AUTHOR");
  const committer = readPerson(env, "DEPUTY_COMMIT_COMMITTER");
  const signOff = readFlag(env, "DEPUTY_COMMIT_SIGN_OFF");
  const sign = readFlag(env, "DEPUTY_COMMIT_SIGN");
  return {
    ...(author !== null && { author }),
    ...(committer !== null && { committer }),
    ...(signOff !== null && { sign_off: signOff }),
    ...(sign !== null && { sign }),
  };
}

function readPerson(env: NodeJS.ProcessEnv, name: string): string | null {
  if (!env[name]) return null;
  const { data, error } = personSchema.safeParse(env[name]);
  if (data !== undefined) return data;
  throw new DeputyError("invalid_input", `${name} ${error?.issues[0]?.message}.`);
}

function readFlag(env: NodeJS.ProcessEnv, name: string): boolean | null {
  const text = env[name];
  if (!text) return null;
  if (text === "true" || text === "false") return text === "true";
  throw new DeputyError("invalid_input", `${name} must be true or false, not "${text}".`);
}
