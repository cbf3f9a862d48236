import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { type EmulatedGithub, startEmulatedGithub } from "../support/emulated-github.ts";
import { withDeputy } from "../support/fixtures.ts";
import { hasGitHttpBackend } from "../support/git-http.ts";
import { greetingProject } from "../support/repository.ts";
import { until } from "../support/until.ts";

/** The whole way against a GitHub that others wrote, over its own webhooks. */
const name = "ada/app";
const secret = "a-shared-secret";
const token = "ghp_token_of_the_daemon";
/** Repairs the greeting; asked again, it does what the failed check says. */
const agent = `command:sed -i s/Hullo/Hello/ src/greeting.js; if grep -q 'Say it LOUD' "$DEPUTY_BRIEF_FILE"; then echo loud > loud.txt; fi`;

describe.skipIf(!hasGitHttpBackend)("GitHub, emulated", () => {
  let github: EmulatedGithub;
  beforeAll(async () => {
    const hookUrl = () => `${deputy.url()}/hooks/github`;
    github = await startEmulatedGithub({ name, token, secret, hookUrl });
  });
  const { deputy, repository } = withDeputy({
    files: greetingProject,
    env: () => ({
      GITHUB_TOKEN: token,
      GITHUB_API_URL: github.apiUrl,
      GITHUB_WEBHOOK_SECRET: secret,
      DEPUTY_SANDBOX: "auto",
    }),
    start: false,
  });
  beforeAll(async () => {
    github.fill(repository.path);
    await writeFile(
      join(deputy.home, "triggers.yaml"),
      `github:
  - on: issues.labeled
    repository: ${name}
    label: deputy
    clone: ${github.url}/{repository}.git
    agent: ${JSON.stringify(agent)}
  - on: own_check.failed
    repository: ${name}
`,
    );
    await deputy.start();
  });
  afterAll(() => github?.close());

  test("an issue becomes a draft, its red check is repaired, and the merge settles it", async () => {
    const { number } = await github.as("ada", "POST", `/repos/${name}/issues`, {
      title: "The greeting is wrong",
      body: "It says Hullo.",
    });
    await github.as("ada", "POST", `/repos/${name}/labels`, { name: "deputy", color: "3d4bd1" });
    await github.as("ada", "POST", `/repos/${name}/issues/${number}/labels`, {
      labels: ["deputy"],
    });
    let pulls: Json[] = [];
    await until(async () => {
      pulls = await github.as("ada", "GET", `/repos/${name}/pulls`);
      return pulls.length > 0;
    }, "a pull request was opened");
    const [pull] = pulls;
    expect(pulls).toHaveLength(1);
    expect(pull).toMatchObject({ draft: true, user: { login: "deputy-bot" } });
    const branch = pull.head.ref as string;
    const first = github.git("rev-parse", branch);
    expect(pull.head.sha).toBe(first);

    const check = async (commit: string, conclusion: string, message: string) => {
      const annotation = { path: "src/greeting.js", start_line: 1, end_line: 1, message };
      const made = await github.as("ci", "POST", `/repos/${name}/check-runs`, {
        ...{ name: "lint", head_sha: commit, status: "in_progress" },
        output: { title: "lint", summary: message, annotations: [annotation] },
      });
      await github.as("ci", "PATCH", `/repos/${name}/check-runs/${made.id}`, {
        ...{ status: "completed", conclusion },
      });
    };
    await check(first, "failure", "Say it LOUD");
    await until(async () => github.git("rev-parse", branch) !== first, "the branch was repaired");
    const second = github.git("rev-parse", branch);
    expect(github.git("show", `${branch}:loud.txt`)).toBe("loud");
    expect(github.git("rev-list", "--count", `${first}..${second}`)).not.toBe("0");
    await check(second, "success", "all is well");

    const { tasks } = (await deputy.api("GET", "/v1/tasks")).body;
    expect(tasks).toHaveLength(1);
    const task = await deputy.untilOver(tasks[0].id);
    expect(task).toMatchObject({
      state: "completed",
      delivery_url: expect.stringContaining("/pull/"),
    });
    const comments = await github.as("ada", "GET", `/repos/${name}/issues/${number}/comments`);
    expect(comments.filter(({ user }: Json) => user.login === "deputy-bot")).toHaveLength(1);

    await github.as("ada", "PATCH", `/repos/${name}/pulls/${pull.number}`, { draft: false });
    await github.as("ada", "PUT", `/repos/${name}/pulls/${pull.number}/merge`, {});
    await until(async () => {
      const { body } = await deputy.api("GET", `/v1/tasks/${tasks[0].id}`);
      return body.task.decision === "accepted";
    }, "the merge was taken as accepted");
  });
});
