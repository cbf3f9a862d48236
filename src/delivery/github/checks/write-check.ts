import type { CheckAnnotation, CheckReport } from "../../../core/forge/check-report.ts";
import type { GithubClient } from "../access/make-client.ts";
import type { GithubRepository } from "../github-repository.ts";

/**
 * Our report among the checks of a commit. As an App it is a check run, found again by the task's id:
 * one that was begun and not recorded is continued, and no annotation is sent twice. With a person's
 * token it is a commit status, the older kind, of which the latest counts.
 */
const annotationsAtOnce = 50;
const maxSummary = 60_000; // GitHub accepts 65,535

export async function writeCheckRun(
  octokit: GithubClient,
  repository: GithubRepository,
  { appSlug, commit, taskId }: { appSlug: string; commit: string; taskId: string },
  report: CheckReport,
): Promise<void> {
  const { annotations, conclusion, name } = report;
  const runs = await octokit.paginate(octokit.rest.checks.listForRef, {
    ...{ ...repository, ref: commit, check_name: name, filter: "all", per_page: 100 },
  });
  const own = runs
    .filter((run) => run.external_id === taskId && run.app?.slug === appSlug && run.name === name)
    .sort((a, b) => b.id - a.id)[0];
  // One that is completed does not begin again: of a name the latest is shown.
  const isContinued = own !== undefined && !(own.status === "completed" && conclusion === null);
  const sent = isContinued ? (own.output.annotations_count ?? 0) : 0;
  const batches = batchesOf(annotations.slice(sent));
  const say = (batch: readonly CheckAnnotation[]) => ({
    ...(conclusion === null
      ? { status: "in_progress" as const }
      : { status: "completed" as const, conclusion }),
    output: {
      ...{ title: report.title, summary: report.summary.slice(0, maxSummary) },
      annotations: batch.map(showAnnotation),
    },
    actions: report.actions,
  });
  const [first = [], ...others] = batches;
  const made = isContinued
    ? await octokit.rest.checks.update({ ...repository, check_run_id: own.id, ...say(first) })
    : await octokit.rest.checks.create({
        ...{ ...repository, name, head_sha: commit, external_id: taskId, ...say(first) },
        // Not retried by the client: a lost response would make a second one.
        request: { retries: 0 },
      });
  // GitHub adds the annotations of each to those it has.
  for (const batch of others)
    await octokit.rest.checks.update({ ...repository, check_run_id: made.data.id, ...say(batch) });
}

export async function writeStatus(
  octokit: GithubClient,
  repository: GithubRepository,
  commit: string,
  { conclusion, name, title }: CheckReport,
): Promise<void> {
  await octokit.rest.repos.createCommitStatus({
    ...{ ...repository, sha: commit, context: name.toLowerCase() },
    state: conclusion === null ? "pending" : states[conclusion],
    description: title.slice(0, 140),
  });
}

const states = {
  success: "success",
  neutral: "success",
  failure: "failure",
  cancelled: "error",
  action_required: "failure",
} as const;

function showAnnotation({ from, level, message, path, to }: CheckAnnotation) {
  return { path, start_line: from, end_line: to, annotation_level: level, message };
}

function batchesOf(annotations: readonly CheckAnnotation[]): CheckAnnotation[][] {
  const count = Math.ceil(annotations.length / annotationsAtOnce);
  return Array.from({ length: count }, (_, index) =>
    annotations.slice(index * annotationsAtOnce, (index + 1) * annotationsAtOnce),
  );
}
