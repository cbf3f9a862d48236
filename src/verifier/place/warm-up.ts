import type { Readiness } from "../../core/settings/readiness.ts";
import { describeAge } from "../../core/text/age.ts";
import { includeFileName } from "../../worktree/checkout/include-files.ts";
import type { Prepared } from "../../worktree/prepared/prepared-trees.ts";
import { readFileAt } from "../../worktree/read/read-commit.ts";
import { withCleanWorktree } from "./clean-worktree.ts";
import { findCondition, makePrepared, type SetupInput, whyUnkept } from "./set-up.ts";

/**
 * Has setup run on a base before a worktree needs it, unless its result is there. Nothing else waits
 * for it; a task that comes meanwhile gets what is being made.
 */
export async function warmUp(input: SetupInput): Promise<Readiness> {
  const { baseCommit: commit, mirror, prepared, setup } = input;
  const none = { madeAt: null, setupMs: null };
  if (setup.length === 0) return { state: "none", detail: "There is no setup to run.", ...none };
  const unkept = (detail: string): Readiness => ({ state: "unkept", detail, ...none });
  const why = whyUnkept(input);
  if (why !== null || !prepared) return unkept(why ?? "");
  return withIncluded(input, async (place) => {
    const condition = await findCondition(input, place);
    if (condition === null)
      return unkept("Setup runs in each worktree: a file that is copied there is too large.");
    const want = { mirror, condition, commit, baseCommit: commit };
    const known = await prepared.look(want);
    if (known) return { state: "ready", ...describeTree(known) };
    const made = await makePrepared({ ...input, prepared }, condition);
    if (made.failed) {
      const { check, run } = made.failed;
      const detail = `Setup \`${check.command}\` failed: ${run.detail}`;
      return { state: "failed", detail, ...none };
    }
    const tree = await prepared.look(want);
    return tree
      ? { state: "made", ...describeTree(tree) }
      : unkept(`Setup runs in each worktree. ${made.why ?? ""}`.trim());
  });
}

/**
 * What the plan says of setup: since when its result is there; null: it is not, or that cannot be told
 * before there is a worktree.
 */
export async function describeKept(input: SetupInput): Promise<string | null> {
  const { baseCommit: commit, mirror, prepared } = input;
  if (!prepared || whyUnkept(input) !== null || (await includesFiles(input))) return null;
  const condition = await findCondition(input, nothingIncluded);
  const tree =
    condition && (await prepared.look({ mirror, condition, commit, baseCommit: commit }));
  return tree ? `prepared ${describeAge(tree.madeAt)}, in place of ${seconds(tree)}` : null;
}

const nothingIncluded = { worktree: "", included: [] };

/** A worktree is made only where ignored files are copied, which decide what setup makes. */
async function withIncluded<T>(
  input: SetupInput,
  use: (place: { worktree: string; included: readonly string[] }) => Promise<T>,
): Promise<T> {
  if (!(await includesFiles(input))) return use(nothingIncluded);
  return withCleanWorktree(input, input.baseCommit, use);
}

async function includesFiles({ baseCommit, mirror }: SetupInput): Promise<boolean> {
  return (await readFileAt(mirror, baseCommit, includeFileName)) !== null;
}

function describeTree(tree: Prepared): Omit<Readiness, "state"> {
  const { madeAt, setupMs } = tree;
  const detail = `Setup ran ${describeAge(madeAt)} in ${seconds(tree)}; each worktree gets a copy of what it made.`;
  return { detail, madeAt, setupMs };
}

function seconds({ setupMs }: Prepared): string {
  return `${(setupMs / 1000).toFixed(1)} s`;
}
