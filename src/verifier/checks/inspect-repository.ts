import { scrubbedEnvironment } from "../../core/base/child-environment.ts";
import { DeputyError } from "../../core/base/error.ts";
import type { ProofLevel } from "../../core/proof/proof.ts";
import { type Check, setupCheckName } from "../../core/proof/verdict.ts";
import type { RepositoryConfig } from "../../core/settings/repository-config.ts";
import { defaultStartTimeoutMs, type Service } from "../../core/settings/service.ts";
import { isInPart } from "../../core/settings/sparse.ts";
import type { WantedTools } from "../../core/settings/wanted-tool.ts";
import { cutText } from "../../core/text/clean-text.ts";
import { noteMissingTools, withTools } from "../../sandbox/box/installed-tools.ts";
import { listRepositoryRegistries, namesRegistries } from "../../sandbox/network/registries.ts";
import { findProgram } from "../../sandbox/process/find-program.ts";
import type { Mirror } from "../../worktree/mirror/open-mirror.ts";
import { listFilesAt, noneIfTooLarge, readFileAt } from "../../worktree/read/read-commit.ts";
import { detectRepository } from "../detection/detect-repository.ts";
import { noteEnvrc, readWantedTools } from "../detection/wanted-tools.ts";
import { readRepositoryConfig, repositoryConfigPath } from "./read-repository-config.ts";

/**
 * Fixes what judges a task before any agent runs, from the base commit and the caller. The caller's
 * checks are acceptance checks and the repository's own are regression checks. A repository check
 * that the caller names becomes an acceptance check.
 */
export type Inspection = {
  setup: string[];
  services: Service[];
  /** Package registries that the repository's own files name. */
  registries: string[];
  checks: Check[];
  checksSource: "config" | "detected" | "none";
  protectedPaths: string[];
  /** The folders that worktrees hold; empty: everything. */
  sparse: string[];
  /** The delivery that the repository asks for; null when it names none. */
  delivery: "branch" | "pr" | null;
  /** The proof level that the repository asks for; null when it names none. */
  proof: ProofLevel | null;
  /** Tools in the versions that the base commit's files ask for. */
  tools: WantedTools;
  /** What a person should know about the detected commands and the machine's tools, in sentences. */
  notes: string[];
};

export const defaultCheckTimeoutMs = 30 * 60_000;
const alwaysProtected = [".deputy/**", ".github/workflows/**"];

type Reader = (path: string) => Promise<string | null>;

/**
 * Inspects the base commit. Throws a DeputyError for a mistake in `.deputy/config.yaml`, and where
 * the detected setup needs a program that this machine does not have.
 */
export async function inspectRepository(
  mirror: Mirror,
  baseCommit: string,
  callerChecks: readonly string[],
  ownHasProgram?: (name: string) => boolean,
): Promise<Inspection> {
  const read: Reader = (path) => readFileAt(mirror, baseCommit, path);
  const text = await read(repositoryConfigPath);
  const files = await listFilesAt(mirror, baseCommit);
  const config = text === null ? {} : readRepositoryConfig(text, files);
  const sparse = listFolders(config.sparse ?? []);
  const tree = { files: new Set(files), read };
  const tools = await readWantedTools(tree);
  const env = scrubbedEnvironment();
  const path = withTools(env, tools, []).PATH;
  const hasProgram = ownHasProgram ?? ((name) => findProgram(name, path) !== null);
  const detected =
    config.checks && config.setup !== undefined
      ? null
      : await detectRepository({ ...tree, hasProgram });
  if (detected?.missing && config.setup === undefined)
    throw new DeputyError("unprocessable", detected.missing);
  const checks = config.checks
    ? config.checks.map(readCheck)
    : (detected?.checks ?? []).map((command) => makeCheck(command, "regression", "detected"));
  const told = config.setup ?? detected?.setup ?? [];
  const setup = typeof told === "string" ? [told] : [...told];
  return {
    setup,
    services: (config.services ?? []).map(readService),
    registries: setup.length === 0 ? [] : await readRegistries(files, read),
    checks: mergeChecks(checks, callerChecks, "caller"),
    checksSource: config.checks ? "config" : checks.length > 0 ? "detected" : "none",
    protectedPaths: [...alwaysProtected, ...(config.protected ?? [])],
    sparse,
    delivery: config.delivery ?? null,
    proof: config.proof ?? null,
    tools,
    notes: [
      ...noteSparse(sparse, files),
      ...(config.setup === undefined ? (detected?.notes ?? []) : []),
      ...(await noteMissingTools(tools, env)),
      ...noteEnvrc(tree.files),
    ],
  };
}

/** Without a slash at the end, and without those inside another one. */
export function listFolders(names: readonly string[]): string[] {
  const folders = [...new Set(names.map((name) => name.replace(/\/$/, "")))];
  return folders.filter((folder) => !folders.some((other) => folder.startsWith(`${other}/`)));
}

function noteSparse(folders: readonly string[], files: readonly string[]): string[] {
  if (folders.length === 0) return [];
  const held = files.filter((file) => isInPart(folders, file)).length;
  const count = (number: number) => number.toLocaleString("en-US");
  return [`sparse: ${folders.join(", ")} (${count(held)} of ${count(files.length)} files)`];
}

async function readRegistries(files: readonly string[], read: Reader): Promise<string[]> {
  const texts = await Promise.all(
    files.filter(namesRegistries).map(
      // A file too large to read names no registry; setup then reaches the known registries.
      async (path) => [path, (await read(path).catch(noneIfTooLarge)) ?? ""] as const,
    ),
  );
  return listRepositoryRegistries(new Map(texts));
}

/**
 * Merges the repository's checks with acceptance checks. An acceptance check with the same command
 * replaces the repository's check. Names are unique.
 */
export function mergeChecks(
  own: readonly Check[],
  commands: readonly string[],
  source: "caller" | "plan",
): Check[] {
  const wanted = new Map(commands.map((command) => [squeeze(command), command]));
  const merged: Check[] = own.map((check) =>
    wanted.delete(squeeze(check.command)) ? { ...check, kind: "acceptance", source } : check,
  );
  for (const command of wanted.values()) merged.push(makeCheck(command, "acceptance", source));
  const taken = new Set([setupCheckName]);
  return merged.map((check) => {
    let name = check.name;
    for (let count = 2; taken.has(name); count++) name = `${check.name} (${count})`;
    taken.add(name);
    return { ...check, name };
  });
}

type CheckEntry = NonNullable<RepositoryConfig["checks"]>[number];

function readCheck(entry: CheckEntry): Check {
  if (typeof entry === "string") return makeCheck(entry, "regression", "config");
  const check = makeCheck(entry.run, "regression", "config");
  return {
    ...check,
    name: entry.name ?? check.name,
    report: entry.report ?? null,
    ...(entry.always && { always: true }),
    timeoutMs: entry.timeout_minutes ? entry.timeout_minutes * 60_000 : check.timeoutMs,
  };
}

function readService(entry: NonNullable<RepositoryConfig["services"]>[number]): Service {
  const { name, port = [], ready = null, run, start_timeout_s: seconds, stop = null } = entry;
  const ports = typeof port === "string" ? [port] : port;
  const startTimeoutMs = seconds === undefined ? defaultStartTimeoutMs : seconds * 1_000;
  return { name, run, ports, ready, stop, startTimeoutMs };
}

function makeCheck(command: string, kind: Check["kind"], source: Check["source"]): Check {
  return {
    name: cutText(squeeze(command), 80),
    command,
    kind,
    source,
    timeoutMs: defaultCheckTimeoutMs,
    report: null,
  };
}

function squeeze(command: string): string {
  return command.trim().replace(/\s+/g, " ");
}
