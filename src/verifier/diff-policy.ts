import picomatch from "picomatch";
import type { Finding } from "../core/verdict.ts";
import { compareSections, findCargoSwitches } from "./config-sections.ts";
import type { Deciding } from "./deciding-files.ts";
import {
  decidesChecks,
  decidesInPart,
  holdsTests,
  isInstalled,
  isTestFile,
} from "./guarded-files.ts";
import { listSome } from "./list-some.ts";
import { comparePackageJson, type PartialChange } from "./package-json.ts";

/**
 * What a change does to its own judges: protected paths, files that decide how checks run, tests.
 * Pure: from the list of changed files and the texts of a few of them, to findings and to what has
 * to be put back as it was on the base before the checks run. Tests stay as the change has them;
 * whether they were weakened is found out by running the old ones (verify-attempt.ts).
 */
export type FileChange = {
  path: string;
  status: "added" | "modified" | "deleted" | "type_changed";
};

export type ChangePolicy = {
  findings: Finding[];
  /** Bring back as on the base: content, mode and all. */
  restore: string[];
  /** Take away: the base does not have them. */
  remove: string[];
  /** Write this instead: the change's file with the base's deciding part. */
  rewrite: { path: string; text: string }[];
  /** Existing test files that the change altered or deleted. */
  alteredTests: string[];
};

export type PolicyInput = {
  changes: readonly FileChange[];
  /** Texts of the files that `needsText` names; null where a side has no such file. */
  texts: ReadonlyMap<string, { base: string | null; now: string | null }>;
  deciding: Deciding;
  protectedPaths: readonly string[];
  allowTestChanges: boolean;
};

/** Whether judging this change takes the text of both sides. */
export function needsText(change: FileChange): boolean {
  return decidesInPart(change.path) !== null && !isInstalled(change.path);
}

export function judgeChange(input: PolicyInput): ChangePolicy {
  const policy: ChangePolicy = {
    findings: [],
    restore: [],
    remove: [],
    rewrite: [],
    alteredTests: [],
  };
  const isProtected = matchPaths(input.protectedPaths);
  const touched = input.changes.filter(({ path }) => isProtected(path)).map(({ path }) => path);
  if (touched.length > 0) {
    policy.findings.push({
      rule: "protected_path",
      blocking: true,
      message: `the change touches protected files: ${listSome(touched)}`,
      paths: touched,
    });
  }
  for (const change of input.changes) {
    if (isInstalled(change.path)) putBack(policy, change);
    else if (decidesChecks(change.path, input.deciding)) {
      putBack(policy, change);
      // A protected one is already said; saying it twice helps nobody.
      if (!isProtected(change.path)) {
        const verb = change.status === "type_changed" ? "replaced" : change.status;
        addChanged(policy, input, change.path, `${change.path} was ${verb}`);
      }
    } else if (decidesInPart(change.path) !== null) judgePart(policy, input, change);
    else if (isTestFile(change.path) && change.status !== "added") {
      policy.alteredTests.push(change.path);
    }
  }
  const installed = input.changes.filter(({ path }) => isInstalled(path));
  if (installed.length > 0) {
    policy.findings.push({
      rule: "check_changed",
      blocking: false,
      message: `${installed.length} files of installed dependencies are in the change; the checks ran without them`,
      paths: installed.slice(0, 20).map(({ path }) => path),
    });
  }
  const removed = findRemovedTests(input.changes);
  if (removed.length > 0) {
    policy.findings.push({
      rule: "tests_removed",
      blocking: !input.allowTestChanges,
      message: `test files were deleted: ${listSome(removed)}`,
      paths: removed,
    });
  }
  return policy;
}

function judgePart(policy: ChangePolicy, input: PolicyInput, change: FileChange): void {
  const { path } = change;
  const { base, now } = input.texts.get(path) ?? { base: null, now: null };
  const kind = decidesInPart(path);
  const isRoot = !path.includes("/");
  if (kind === "cargo") {
    const switches = findCargoSwitches(base, now);
    // There is no part to put back, so the checks run with it; the verdict is what stops it.
    if (switches.length > 0) {
      addChanged(policy, input, path, `${path} switches tests off: ${switches.join(", ")}`, "");
    }
    return;
  }
  // A package that comes or goes with its own manifest changes no other package's checks.
  if (!isRoot && (change.status === "added" || change.status === "deleted")) return;
  if (now === null) {
    putBack(policy, change);
    const what = change.status === "deleted" ? "was deleted" : "is no readable file any more";
    addChanged(policy, input, path, `${path} ${what}`);
    return;
  }
  const compared: PartialChange | null =
    kind === "package.json"
      ? comparePackageJson(base, now, input.deciding)
      : compareSections(base, now, input.deciding);
  if (!compared) return;
  if (compared.restored === null) putBack(policy, change);
  else policy.rewrite.push({ path, text: compared.restored });
  addChanged(policy, input, path, `${path} ${compared.changes.join("; ")}`);
}

function putBack(policy: ChangePolicy, { path, status }: FileChange): void {
  if (status === "added") policy.remove.push(path);
  else policy.restore.push(path);
}

const putBackNote = " (this decides how the checks run; they ran as on the base)";

function addChanged(
  policy: ChangePolicy,
  input: PolicyInput,
  path: string,
  what: string,
  note = putBackNote,
): void {
  policy.findings.push({
    rule: "check_changed",
    blocking: !input.allowTestChanges,
    message: what + note,
    paths: [path],
  });
}

function findRemovedTests(changes: readonly FileChange[]): string[] {
  return changes
    .filter(({ path, status }) => status === "deleted" && holdsTests(path) && !isInstalled(path))
    .map(({ path }) => path);
}

/** Globs as people write them: a folder's name covers what is in it. */
export function matchPaths(globs: readonly string[]): (path: string) => boolean {
  const all = globs.flatMap((glob) => {
    const plain = glob.replace(/^\.?\//, "").replace(/\/+$/, "");
    return [plain, `${plain}/**`];
  });
  return all.length === 0 ? () => false : picomatch(all, { dot: true });
}
