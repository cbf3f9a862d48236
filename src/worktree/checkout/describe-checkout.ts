import { isCachePath } from "../../core/base/cache-names.ts";
import { cleanText, firstLine } from "../../core/text/clean-text.ts";
import type { Mirror } from "../mirror/open-mirror.ts";
import type { Repository } from "../mirror/repository-url.ts";
import { inspectSource, type SourceRepository } from "../mirror/source-repository.ts";
import { nameFiles } from "../publish/guard-checkout.ts";
import { readFileAt } from "../read/read-commit.ts";
import { includeFileName, listIncluded } from "./include-files.ts";

/**
 * What the user's checkout has and a worktree of its branch has not, or not yet: uncommitted changes,
 * ignored files, commits that its remote had at the last fetch. A task starts from what is committed
 * there, so a person has to be told of the rest.
 */
export type CheckoutState = {
  /** Changed and untracked files, from the root. */
  uncommitted: string[];
  /** Ignored files and folders ("secrets/") that no setup or build makes again. */
  ignored: string[];
  behind: { upstream: string; commits: number } | null;
};

/**
 * What a person has to be told of the checkout when work starts from the branch that is checked out
 * there; nothing for another base, a remote or a bare repository. Rejects when the signal is aborted.
 */
export async function noteCheckout(
  mirror: Mirror,
  repository: Repository,
  head: { commit: string; ref: string },
  { base, signal }: { base: string; signal: AbortSignal },
): Promise<string[]> {
  if (repository.kind === "remote") return [];
  const source = await inspectSource(repository.url);
  const isBase = source.headCommit === head.commit && (source.headRef ?? "HEAD") === head.ref;
  if (source.bare || !isBase) return [];
  const limit = AbortSignal.timeout(maxLookMs);
  try {
    const state = await readCheckoutState(source, AbortSignal.any([signal, limit]));
    const patterns = state.ignored.length > 0 && (await readFileAt(mirror, base, includeFileName));
    const included = patterns ? await listIncluded(source.git, patterns) : [];
    return describeCheckout(state, {
      branch: head.ref,
      included,
      taken: base === head.commit ? null : base,
    });
  } catch (error) {
    signal.throwIfAborted();
    const why = limit.aborted
      ? `git status took longer than ${maxLookMs / 1000} s`
      : firstLine(String(error), 200);
    return [`Whether the checkout has changes of its own could not be told (${why}).`];
  }
}

/** A person waits for the plan. */
const maxLookMs = 10_000;

/** Reads the checkout with its own configuration and without writing to it. Not for a bare one. */
export async function readCheckoutState(
  source: SourceRepository,
  signal: AbortSignal,
): Promise<CheckoutState> {
  const [status, upstream] = await Promise.all([
    source.git.run(statusArguments, { signal }),
    source.headRef === null ? "" : source.git.run(trackArguments(source.headRef), { signal }),
  ]);
  return { ...parseStatus(status), behind: parseTrack(upstream) };
}

const statusArguments = [
  ...["status", "--porcelain=v1", "-z", "--untracked-files=normal", "--ignored=matching"],
  ...["--ignore-submodules=dirty", "--no-renames"],
];

function trackArguments(branch: string): string[] {
  return [
    "for-each-ref",
    "--format=%(upstream:short)%00%(upstream:track,nobracket)",
    `refs/heads/${branch}`,
  ];
}

/** Parses `git status --porcelain=v1 -z --ignored`. */
export function parseStatus(text: string): Pick<CheckoutState, "uncommitted" | "ignored"> {
  const lines = text.split("\0").filter(Boolean);
  const isIgnored = (line: string) => line.startsWith("!! ");
  return {
    uncommitted: lines.filter((line) => !isIgnored(line)).map((line) => line.slice(3)),
    ignored: lines
      .filter(isIgnored)
      .map((line) => line.slice(3))
      .filter((path) => !isCachePath(path) && !isLitter(path)),
  };
}

/** Parses an upstream and how far the branch is behind it: "ahead 1, behind 2", "behind 2", "gone". */
export function parseTrack(text: string): CheckoutState["behind"] {
  const [upstream = "", track = ""] = text.trim().split("\0");
  const commits = Number(/behind (\d+)/.exec(track)?.[1] ?? 0);
  return commits > 0 ? { upstream, commits } : null;
}

/** Ignored files that editors, systems, compilers and test runs leave: no work needs them. */
function isLitter(path: string): boolean {
  const name = path.replace(/\/$/, "").split("/").at(-1) ?? "";
  return (
    /^(?:\.DS_Store|Thumbs\.db|\.idea|\.vscode|\.history|\.eslintcache|\.coverage|logs?|tmp|temp)$/i.test(
      name,
    ) || /(?:~|\.(?:log|swp|swo|tmp|pid|py[co]|o|obj|class|tsbuildinfo|egg-info))$/i.test(name)
  );
}

/**
 * The state as one sentence for each thing that a person may have expected in the work. `included`:
 * files that `.worktreeinclude` takes along; `taken`: the commit that holds the uncommitted changes,
 * if they come along.
 */
export function describeCheckout(
  { uncommitted, ignored, behind }: CheckoutState,
  {
    branch,
    included,
    taken,
  }: { branch: string; included: readonly string[]; taken: string | null },
): string[] {
  const lacking = ignored.filter((path) => !included.some((file) => isWithin(file, path)));
  const settingsFirst = [...lacking].sort((a, b) => Number(isSettings(b)) - Number(isSettings(a)));
  return [
    ...(taken !== null
      ? [
          `The checkout's uncommitted changes are part of this work, as commit ${taken.slice(0, 10)}.`,
        ]
      : uncommitted.length > 0
        ? [
            `The checkout's uncommitted changes are not part of this work (${name(uncommitted)}): commit them, or hand the task in with --include-uncommitted.`,
          ]
        : []),
    ...(lacking.length > 0
      ? [
          `Ignored files of the checkout are not in the worktree (${name(settingsFirst)}): name those that work or checks need in .worktreeinclude.`,
        ]
      : []),
    ...(behind
      ? [
          `${branch} was ${behind.commits === 1 ? "1 commit" : `${behind.commits} commits`} behind ${behind.upstream} at its last fetch; this work starts from ${branch} as it is here.`,
        ]
      : []),
  ];
}

function isWithin(file: string, path: string): boolean {
  return file === path || (path.endsWith("/") && file.startsWith(path));
}

/** Files by whose lack a program fails to start. */
function isSettings(path: string): boolean {
  return /(?:^|\/)\.env|\.(?:local|pem|key|crt|json|ya?ml|toml|ini|conf|properties)(?:\.|$)/i.test(
    path,
  );
}

function name(paths: readonly string[]): string {
  return nameFiles(paths.map((path) => cleanText(path).replace(/\s+/g, " ")));
}
