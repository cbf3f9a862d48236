import type { Check } from "../../core/proof/verdict.ts";
import { withoutLineNumbers } from "../../core/review/number-diff.ts";
import type { Evidence, Proof } from "../../core/review/review.ts";
import { flatten } from "../../core/review/review-rules.ts";
import { cleanText, cutToTail } from "../../core/text/clean-text.ts";
import { resetWorktree } from "../../worktree/checkout/worktree.ts";
import type { Mirror } from "../../worktree/mirror/open-mirror.ts";
import { diffCommits, listChanges } from "../../worktree/read/diff.ts";
import { listFilesAt, noneIfTooLarge, readFileAt } from "../../worktree/read/read-commit.ts";
import { type CheckPlace, runCheck } from "../checks/run-checks.ts";
import { checkLogPath, withCleanWorktree } from "../place/clean-worktree.ts";
import { type SetupInput, setUp } from "../place/set-up.ts";

/**
 * Checks whether a finding's evidence holds on a commit. A quote is searched in git. A command runs
 * like a check, in a clean worktree that is reset before each run, and must fail twice. Neither
 * depends on who is right; that makes it evidence.
 */
export type EvidenceInput = SetupInput & {
  commit: string;
  /** The commit that the change is based on. */
  changedFrom: string;
  /** The commit of the last round; null in the first round. */
  before: string | null;
};

export type Claim = {
  file: string;
  evidence: Evidence;
  /** The proof of the last round; null for a new claim. */
  proof: Proof | null;
};

/** Maximum number of commands. The same command runs once, whoever claims it. */
export const maxCommands = 20;
const commandTimeoutMs = 120_000;
const minQuoteLength = 4;
const maxOutput = 1_500;

/** Returns proofs in the order of the claims. Throws the signal's reason when aborted. */
export async function proveClaims(
  input: EvidenceInput,
  claims: readonly Claim[],
): Promise<Proof[]> {
  const commands = claims.flatMap(({ evidence }) =>
    evidence.kind === "command" ? [evidence.command] : [],
  );
  const ran = await runCommands(input, [...new Set(commands)]);
  return Promise.all(
    claims.map(async (claim) => {
      const { evidence } = claim;
      if (evidence.kind === "quote") return findQuote(input, claim, evidence.text);
      return (
        ran.get(evidence.command) ?? command("unknown", `was not run: more than ${maxCommands}`)
      );
    }),
  );
}

async function runCommands(
  input: EvidenceInput,
  commands: readonly string[],
): Promise<Map<string, Proof>> {
  if (commands.length === 0) return new Map();
  return withCleanWorktree(input, input.commit, async (clean) => {
    const place: CheckPlace = { ...input, ...clean };
    const setup = await setUp(input, place, null);
    const proofs = new Map<string, Proof>();
    for (const [index, line] of commands.slice(0, maxCommands).entries()) {
      const proof =
        setup && !setup.ok
          ? command("unknown", `was not run: setup does not work (${setup.run.detail})`)
          : await runTwice(input, place, line, index);
      proofs.set(line, proof);
    }
    return proofs;
  });
}

async function runTwice(
  { mirror, commit, logRoot }: EvidenceInput,
  place: CheckPlace,
  line: string,
  index: number,
): Promise<Proof> {
  const check: Check = {
    ...{ name: line, command: line, kind: "acceptance", source: "plan", report: null },
    timeoutMs: commandTimeoutMs,
  };
  for (const round of ["", "-again"]) {
    await resetWorktree(mirror, place.worktree, commit);
    const run = await runCheck(check, place, checkLogPath(logRoot, index, check, round));
    const output = cutToTail(cleanText(run.failures ?? run.outputTail), maxOutput);
    if (run.status === "inconclusive") return command("unknown", run.detail, output);
    if (run.status === "green") return command("no", "passes", output);
    if (round !== "") return command("yes", `fails (${run.detail})`, output);
  }
  return command("unknown", "was not run");
}

function command(holds: Proof["holds"], detail: string, output = ""): Proof {
  return { holds, detail, output, where: null };
}

/** Searches the file, then its diff; in later rounds only where the quote was found at first. */
async function findQuote(
  input: EvidenceInput,
  { file, proof }: Claim,
  text: string,
): Promise<Proof> {
  const quote = (holds: Proof["holds"], detail: string, where: Proof["where"]): Proof => ({
    ...{ holds, detail, where, output: null },
  });
  const wanted = flatten(withoutLineNumbers(text));
  if (wanted.length < minQuoteLength) return quote("no", "is too short to be found", null);
  const { before, changedFrom, commit, mirror } = input;
  const where = proof?.where ?? null;
  if (where !== "diff") {
    if (await standsIn(mirror, commit, file, wanted)) return quote("yes", `is in ${file}`, "file");
    const moved = where && before ? await findMoved(mirror, before, commit, wanted) : null;
    if (moved) return quote("yes", `is in ${moved} now`, "file");
    if (where === "file") return quote("no", `is not in ${file} any more`, where);
  }
  const diff = await diffCommits(mirror, changedFrom, commit, { maxBytes: maxDiffBytes });
  return flatten(diffOf(diff, file)).includes(wanted)
    ? quote("yes", `is in the change of ${file}`, "diff")
    : quote("no", `is not in ${file}`, where);
}

const maxDiffBytes = 4 * 1024 * 1024;
const maxLookedFor = 200;

async function standsIn(mirror: Mirror, commit: string, file: string, wanted: string) {
  // A path can be any text: only one that is in the commit goes to git.
  if (!(await listFilesAt(mirror, commit)).includes(file)) return false;
  const text = await readFileAt(mirror, commit, file).catch(noneIfTooLarge);
  return text !== null && flatten(text).includes(wanted);
}

/** Finds a file that has gained the lines since: moved lines are not gone. */
async function findMoved(
  mirror: Mirror,
  before: string,
  commit: string,
  wanted: string,
): Promise<string | null> {
  const changes = await listChanges(mirror, before, commit);
  for (const { path, status } of changes.slice(0, maxLookedFor)) {
    if (status === "deleted" || !(await standsIn(mirror, commit, path, wanted))) continue;
    if (!(await standsIn(mirror, before, path, wanted))) return path;
  }
  return null;
}

/** The lines of one file's part of a patch, without their leading marks. */
function diffOf(diff: string, file: string): string {
  const head = `diff --git a/${file} b/${file}\n`;
  const at = diff.startsWith(head) ? 0 : diff.indexOf(`\n${head}`) + 1;
  if (at === 0 && !diff.startsWith(head)) return "";
  const end = diff.indexOf("\ndiff --git ", at + head.length);
  return diff
    .slice(at + head.length, end < 0 ? undefined : end)
    .split("\n")
    .filter((line) => /^[-+ ]/.test(line) && !/^(---|\+\+\+) /.test(line))
    .map((line) => line.slice(1))
    .join("\n");
}
