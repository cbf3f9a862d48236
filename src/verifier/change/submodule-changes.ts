import type { Finding } from "../../core/proof/verdict.ts";
import { listSubmodules } from "../../worktree/content/submodules.ts";
import { type Mirror, readRef } from "../../worktree/mirror/mirror.ts";
import { listChanges } from "../../worktree/read/diff.ts";
import { readFileAt } from "../../worktree/read/read-commit.ts";
import { listSome } from "./list-some.ts";

/**
 * Finds what a change does to submodules. Deputy fills submodules but delivers nothing of them, so
 * these are blocking findings: files changed in one, a submodule that is added, removed or moved to
 * another commit, and a changed `.gitmodules`.
 */
export async function findSubmoduleChanges(
  mirror: Mirror,
  baseCommit: string,
  commit: string,
  keptRef: string | null,
): Promise<Finding[]> {
  const [before, now] = await Promise.all([
    listSubmodules(mirror, baseCommit),
    listSubmodules(mirror, commit),
  ]);
  const findings: Finding[] = [];
  const add = (paths: string[], message: string) => {
    if (paths.length === 0) return;
    const finding = { rule: "submodule_changed", blocking: true, paths } as const;
    findings.push({ ...finding, message: `${listSome(paths)}: ${message}` });
  };
  const kept = keptRef === null ? null : await readRef(mirror, keptRef);
  if (kept !== null) {
    const changed = await listChanges(mirror, `${kept}^`, kept);
    add(
      changed.map(({ path }) => path),
      "lies in a submodule, of which nothing is delivered; the change belongs in the submodule's own repository",
    );
  }
  const commitOf = new Map(before.map(({ path, commit: at }) => [path, at]));
  const moved = now.filter(({ path, commit: at }) => commitOf.get(path) !== at);
  const gone = before.filter(({ path }) => !now.some((submodule) => submodule.path === path));
  add(
    [...moved, ...gone].map(({ path }) => path),
    "a submodule was added, removed or moved to another commit, which Deputy does not deliver",
  );
  const [told, tells] = await Promise.all([
    readFileAt(mirror, baseCommit, ".gitmodules"),
    readFileAt(mirror, commit, ".gitmodules"),
  ]);
  if (told !== tells)
    add([".gitmodules"], "says where submodules come from, and is not for an agent to change");
  return findings;
}
