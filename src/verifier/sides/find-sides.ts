import type { Service } from "../../core/settings/service.ts";
import { fetchFilesAt } from "../../worktree/mirror/fetch-missing.ts";
import type { Mirror } from "../../worktree/mirror/open-mirror.ts";
import { findMentions } from "../../worktree/read/find-mentions.ts";
import { type ChangedFile, readChange } from "../../worktree/read/read-change.ts";
import { openTree } from "../change/tree.ts";
import { matchPaths } from "../tests/match-paths.ts";
import { findSuspicions } from "./find-suspicions.ts";
import { followCommands, type Led } from "./follow-commands.ts";
import { namedTest } from "./judge-names.ts";
import { isDocumentation, languageOf } from "./languages.ts";
import { isLock } from "./parts/parts-lock.ts";
import { findShipped } from "./shipped.ts";
import { type SideContext, sideFiles } from "./side-files.ts";
import { sideTools } from "./side-tools.ts";
import type { Sides } from "./sides.ts";
import { declaresTests } from "./tests/declares-tests.ts";

/**
 * Splits a change into its subject and what may judge it. This file reads the two commits;
 * side-files.ts and the files below it decide from the texts.
 */
export type SidesInput = {
  mirror: Mirror;
  baseCommit: string;
  commit: string;
  /** The commands of the checks. */
  checks: readonly string[];
  setup: readonly string[];
  services?: readonly Service[];
  protectedPaths: readonly string[];
  /** Files in which the runner reported tests, on the base and on the change. */
  testFiles: readonly string[];
  testFilesNow?: readonly string[];
  /** Paths or globs that the plan will write. */
  products: readonly string[];
};

/** Finds the sides of the change between two commits. */
export async function findSides(input: SidesInput): Promise<Sides> {
  const { mirror, baseCommit, commit } = input;
  const [changes, before, now] = await Promise.all([
    readChange(mirror, baseCommit, commit, isLock),
    openTree(mirror, baseCommit),
    openTree(mirror, commit),
  ]);
  const shipped = await findShipped(before.files, before.read);
  const services = (input.services ?? []).flatMap(({ ready, run, stop }) => [run, ready, stop]);
  const isCommand = (one: unknown) => typeof one === "string";
  const commands = [...input.checks, ...input.setup, ...services.filter(isCommand)];
  const led = mergeLed(
    await followCommands(commands, before, shipped),
    await followCommands(commands, now, shipped),
  );
  const context: SideContext = {
    led,
    shipped,
    isProtected: matchPaths(input.protectedPaths),
    isProduct: matchPaths(input.products),
    testFiles: new Set([...input.testFiles, ...(input.testFilesNow ?? [])]),
    filesBefore: new Set(before.files),
    filesNow: new Set(now.files),
    mentions: await findDataMentions(input, changes),
    helpers: await findHelpers(input, changes),
    usedBySource: await findUsedBySource(input, changes),
    commands: commands.join("\n"),
  };
  const files = await sideTools(sideFiles(changes, context), changes, {
    ...before,
    texts: led.texts,
  });
  const isProgram = (path: string) =>
    shipped.has(path) || context.isProduct(path) || isProgramName(path);
  return { files, suspicions: findSuspicions(changes, files, isProgram) };
}

function mergeLed(before: Led, now: Led): Led {
  return {
    texts: `${before.texts}\n${now.texts}`,
    scripts: new Set([...before.scripts, ...now.scripts]),
    files: new Map([...now.files, ...before.files]),
    lookedAt: new Set([...now.lookedAt, ...before.lookedAt]),
  };
}

/** Files that mention the changed data files by name: tests that read them, or the product. */
async function findDataMentions(
  { mirror, baseCommit, commit }: SidesInput,
  changes: readonly ChangedFile[],
): Promise<SideContext["mentions"]> {
  const names = changes
    .flatMap(({ path, from }) => [path, from ?? path])
    .filter((path) => languageOf(path) === null && namedTest(path) === null)
    .map((path) => path.slice(path.lastIndexOf("/") + 1));
  if (names.length === 0) return new Map();
  const [before, now] = await Promise.all([
    findMentions(mirror, baseCommit, names),
    findMentions(mirror, commit, names),
  ]);
  const isReader = (path: string) => !isDocumentation(path);
  return new Map(
    [...new Set(names)].map((name) => [
      name,
      {
        before: (before.get(name) ?? []).filter(isReader),
        now: (now.get(name) ?? []).filter(isReader),
      },
    ]),
  );
}

/** Changed files with tests inside that source mentions, so that they are more than tests. */
async function findUsedBySource(
  { mirror, baseCommit, commit, testFiles }: SidesInput,
  changes: readonly ChangedFile[],
): Promise<Set<string>> {
  const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1).replace(/\.\w+$/, "");
  const asked = changes.filter(({ path, before, now }) => {
    const language = languageOf(path);
    const text = now?.text ?? before?.text ?? null;
    return namedTest(path) === null && declaresTests(language, text);
  });
  if (asked.length === 0) return new Set();
  const at = asked.some(({ before }) => before === null) ? commit : baseCommit;
  await fetchSource(mirror, at);
  const mentions = await findMentions(
    mirror,
    at,
    asked.map(({ path }) => nameOf(path)),
  );
  const isUser = (user: string, path: string) =>
    user !== path &&
    languageOf(user) !== null &&
    namedTest(user) === null &&
    !testFiles.includes(user);
  return new Set(
    asked
      .map(({ path }) => path)
      .filter((path) => mentions.get(nameOf(path))?.some((user) => isUser(user, path))),
  );
}

/** Of a partial mirror only what is here is searched, and "no source uses it" is asked of all source. */
function fetchSource(mirror: Mirror, commit: string): Promise<void> {
  return fetchFilesAt(mirror, commit, (path) => languageOf(path) !== null);
}

const helperName =
  /(expect|assert|equal|same|match|check|verify|helper|support|fixture|stub|mock|fake|factor|builder|harness|compare|diff|approx)/i;

/** Changed files with a helper's name that the base's tests mention and no source does. */
async function findHelpers(
  { mirror, baseCommit, testFiles }: SidesInput,
  changes: readonly ChangedFile[],
): Promise<Set<string>> {
  const stemOf = (path: string) => {
    const [name = "", folder = ""] = path
      .replace(/\.[^./]+$/, "")
      .split("/")
      .reverse();
    return /^(index|__init__|mod)$/.test(name) ? folder : name;
  };
  const asked = changes.filter(
    ({ path }) => languageOf(path) !== null && namedTest(path) === null && helperName.test(path),
  );
  const words = asked.map(({ path }) => stemOf(path));
  if (asked.length > 0) await fetchSource(mirror, baseCommit);
  const mentions =
    asked.length === 0
      ? new Map<string, string[]>()
      : await findMentions(mirror, baseCommit, words);
  const isTest = (path: string) => namedTest(path) !== null || testFiles.includes(path);
  return new Set(
    asked
      .map(({ path }) => path)
      .filter((path) => {
        const users = (mentions.get(stemOf(path)) ?? []).filter(
          (user) => user !== path && languageOf(user) !== null,
        );
        return users.length > 0 && users.every(isTest);
      }),
  );
}

/** Whether a file is a program by its place; a program may exit. */
function isProgramName(path: string): boolean {
  return /(^|\/)(bin|cmd|exe|scripts?|cli)\/|(^|\/)(cli|main|__main__|index|app|server)\.\w+$/.test(
    path,
  );
}
