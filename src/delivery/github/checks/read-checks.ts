import type { Octokit } from "octokit";
import type { CheckFailure, CheckRun } from "../../../core/forge/check-run.ts";
import type { GithubRepository } from "../github-repository.ts";

/** The check runs of a commit, each as it was run last, without those that we report ourselves. */
export async function listChecks(
  octokit: Octokit,
  repository: GithubRepository,
  ref: string,
  appSlug: string | null,
): Promise<CheckRun[]> {
  const runs = await octokit.paginate(octokit.rest.checks.listForRef, {
    ...{ ...repository, ref, filter: "latest" },
    per_page: 100,
  });
  const others = runs.filter(({ app }) => appSlug === null || app?.slug !== appSlug);
  return others.map(({ app, conclusion, id, name, output, status }) => ({
    ...{ id, name, isCompleted: status === "completed" },
    hasFailed: conclusion === "failure" || conclusion === "timed_out",
    // A check run of Actions is a job of the same id.
    hasLog: app?.slug === "github-actions",
    words: [output.title, output.summary, output.text].filter(Boolean).join("\n"),
  }));
}

const maxAnnotations = 50;
const logLines = 200;
/** More than its last lines hold is not kept; of a longer log its beginning is read and dropped. */
const keptCharacters = 256 * 1024;
const maxLogBytes = 64 * 1024 * 1024;

export async function readFailure(
  octokit: Octokit,
  repository: GithubRepository,
  { hasLog, id }: Pick<CheckRun, "hasLog" | "id">,
): Promise<CheckFailure> {
  const { data } = await octokit.rest.checks.listAnnotations({
    ...{ ...repository, check_run_id: id },
    per_page: maxAnnotations,
  });
  const annotations = data.map(
    ({ message, path, start_line }) => `${path}:${start_line}: ${message ?? ""}`,
  );
  return { annotations, log: hasLog ? await readLog(octokit, repository, id) : "" };
}

/** GitHub answers with a redirect to where logs are; the client sends no token there. */
async function readLog(
  octokit: Octokit,
  repository: GithubRepository,
  job_id: number,
): Promise<string> {
  try {
    const { data } = await octokit.request("GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs", {
      ...{ ...repository, job_id },
      request: { parseSuccessResponseBody: false },
    });
    return await readEnd(data as unknown as ReadableStream<Uint8Array>);
  } catch (error) {
    const { status } = error as { status?: number };
    // Logs are gone after some weeks, and a token may lack the right to read them: both are told.
    if (status === 403 || status === 404 || status === 410)
      return `(GitHub does not show its log: ${status})`;
    throw error;
  }
}

/** The last lines of a log. */
export async function readEnd(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let end = "";
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > maxLogBytes) return "(Its log is too long to be read.)";
    end = (end + decoder.decode(chunk, { stream: true })).slice(-keptCharacters);
  }
  return end.trimEnd().split("\n").slice(-logLines).join("\n");
}
