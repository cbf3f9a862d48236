import type { Finding, JudgeChange } from "../../core/proof/verdict.ts";
import { placeOf } from "../../worktree/checkout/worktree-place.ts";
import type { Mirror } from "../../worktree/mirror/open-mirror.ts";
import { listRewritten } from "../../worktree/read/find-difference.ts";
import { listFilesAt } from "../../worktree/read/read-commit.ts";
import { listSome } from "../change/list-some.ts";
import { namedTest } from "../sides/judge-names.ts";

/**
 * Lists the test files that a run overwrote. A build program, a hook or a test may overwrite the
 * tests that run after it, and then they are not what the commit holds. Tests that the base's run
 * overwrites too (`vitest -u`) are not the change's doing.
 */
export async function listRewrittenTests(
  mirror: Mirror,
  worktree: string,
  commit: string,
): Promise<string[]> {
  const tests = (await listFilesAt(mirror, commit)).filter((path) => namedTest(path) !== null);
  return listRewritten(mirror, placeOf(mirror, worktree), tests);
}

/** Concludes from files that the change's run overwrites and the base's does not. Pure. */
export function judgeRewritten(paths: readonly string[]): {
  findings: Finding[];
  judges: JudgeChange[];
} {
  if (paths.length === 0) return { findings: [], judges: [] };
  const message = `with the change, what the checks run writes over ${listSome(paths)} before they are done, and does not on the base`;
  return {
    findings: [{ rule: "attacks_judge", blocking: false, message, paths: [...paths] }],
    judges: paths.map((path) => ({
      ...{ path, status: "modified", content: null, kind: namedTest(path)?.kind ?? "test" },
      ...{ why: "what the checks run writes over it", weaker: null, accepted: null },
    })),
  };
}
