import { createHmac } from "node:crypto";

/**
 * Webhooks of Gitea, Forgejo and GitLab as their documentation shows them, cut to what counts and some
 * of what does not; what a test changes about them is merged in.
 */
export type Tree = Record<string, unknown>;

export function change<Into extends Tree>(into: Into, changes: Tree): Into {
  const copy: Tree = { ...into };
  for (const [key, value] of Object.entries(changes)) {
    const isTree = (one: unknown): one is Tree =>
      typeof one === "object" && one !== null && !Array.isArray(one);
    const old = copy[key];
    copy[key] = isTree(old) && isTree(value) ? change(old, value) : value;
  }
  return copy as Into;
}

const giteaUser = (id: number, login: string) => ({
  ...{ id, login, login_name: "", full_name: "", email: `${login}@example.com`, language: "" },
  ...{ avatar_url: "https://gitea.example/avatars/1", is_admin: false, username: login },
});
const giteaRepository = {
  ...{ id: 140, owner: giteaUser(1, "acme"), name: "app", full_name: "acme/app" },
  ...{
    description: "",
    private: false,
    fork: false,
    mirror: false,
    size: 64,
    default_branch: "main",
  },
  ...{ html_url: "https://gitea.example/acme/app", ssh_url: "git@gitea.example:acme/app.git" },
  ...{ clone_url: "https://gitea.example/acme/app.git", default_merge_style: "merge" },
};
export const giteaIssueHook = {
  action: "opened",
  number: 7,
  issue: {
    ...{ id: 107, url: "https://gitea.example/api/v1/repos/acme/app/issues/7" },
    ...{
      html_url: "https://gitea.example/acme/app/issues/7",
      number: 7,
      user: giteaUser(3, "ada"),
    },
    ...{ original_author: "", original_author_id: 0, title: "The greeting is wrong" },
    ...{ body: "It says Hullo.", ref: "", assets: [], labels: [] as object[], milestone: null },
    ...{ assignee: null as object | null, assignees: null, state: "open", is_locked: false },
    ...{ comments: 0, created_at: "2026-01-01T10:00:00Z", updated_at: "2026-01-01T10:00:00Z" },
    ...{ closed_at: null, due_date: null, pull_request: null, repository: null, pin_order: 0 },
  },
  repository: giteaRepository,
  sender: giteaUser(3, "ada"),
  commit_id: "",
};
export const giteaLabel = (name: string) => ({
  ...{ id: 5, name, exclusive: false, is_archived: false, color: "ee0701", description: "" },
  url: "https://gitea.example/api/v1/repos/acme/app/labels/5",
});
export const giteaCommentHook = {
  action: "created",
  issue: giteaIssueHook.issue,
  comment: {
    ...{ id: 301, html_url: "https://gitea.example/acme/app/issues/7#issuecomment-301" },
    ...{ pull_request_url: "", issue_url: "https://gitea.example/acme/app/issues/7" },
    ...{ user: giteaUser(3, "ada"), original_author: "", body: "/deputy why", assets: [] },
    ...{ created_at: "2026-01-01T10:05:00Z", updated_at: "2026-01-01T10:05:00Z" },
  },
  ...{ repository: giteaRepository, sender: giteaUser(3, "ada"), is_pull: false },
};
export const giteaPullHook = {
  action: "opened",
  number: 9,
  pull_request: {
    ...{
      id: 9,
      url: "https://gitea.example/acme/app/pulls/9",
      number: 9,
      user: giteaUser(3, "ada"),
    },
    ...{ title: "Greet well", body: "As asked.", labels: [], state: "open", draft: false },
    ...{ html_url: "https://gitea.example/acme/app/pulls/9", mergeable: true, merged: false },
    base: {
      ...{ label: "main", ref: "main", sha: "b".repeat(40), repo_id: 140, repo: giteaRepository },
    },
    head: {
      ...{ label: "greet", ref: "greet", sha: "a".repeat(40), repo_id: 140, repo: giteaRepository },
    },
    merge_base: "b".repeat(40),
  },
  requested_reviewer: null,
  ...{ repository: giteaRepository, sender: giteaUser(3, "ada"), commit_id: "", review: null },
};
export const giteaStatusHook = {
  commit: { id: "a".repeat(40), message: "Greet well\n", url: "https://gitea.example/c/a" },
  ...{ context: "ci/woodpecker/push/test", created_at: "2026-01-01T10:00:00Z", id: 12 },
  ...{ description: "Pipeline failed", sha: "a".repeat(40), state: "failure" },
  target_url: "https://ci.example/repos/1/pipeline/4",
  ...{ repository: giteaRepository, sender: giteaUser(3, "ada"), updated_at: null },
};
export const giteaRunHook = {
  action: "completed",
  workflow: { id: "test.yml", name: "test", path: ".gitea/workflows/test.yml", state: "active" },
  workflow_run: {
    ...{ id: 21, url: "", html_url: "https://gitea.example/acme/app/actions/runs/4" },
    ...{ display_title: "Greet well", path: "test.yml@refs/heads/main", event: "push" },
    ...{ run_attempt: 1, run_number: 4, head_sha: "a".repeat(40), head_branch: "main" },
    ...{ status: "completed", conclusion: "failure", repository: giteaRepository },
    head_repository: giteaRepository,
  },
  ...{ pull_request: null, repository: giteaRepository, sender: giteaUser(3, "ada") },
};
export const forgejoRunHook = {
  action: "failure",
  run: {
    ...{ id: 31, title: "Greet well", workflow_id: "test.yml", index_in_repo: 3, event: "push" },
    ...{ prettyref: "main", is_ref_deleted: false, commit_sha: "a".repeat(40) },
    ...{ is_fork_pull_request: false, status: "failure" },
    html_url: "https://gitea.example/acme/app/actions/runs/3",
  },
  prior_status: "running",
  ...{ repository: giteaRepository, sender: giteaUser(3, "ada") },
};

const gitlabUser = {
  ...{ id: 3, name: "Ada", username: "ada", email: "[REDACTED]" },
  avatar_url: "http://www.gravatar.com/avatar/e64c7d89f26bd1972efa854d13d7dd61",
};
const gitlabProject = {
  ...{ id: 15, name: "App", description: "", web_url: "https://gitlab.example/acme/tools/app" },
  ...{ avatar_url: null, git_ssh_url: "git@gitlab.example:acme/tools/app.git" },
  ...{ git_http_url: "https://gitlab.example/acme/tools/app.git", namespace: "Tools" },
  ...{ visibility_level: 20, path_with_namespace: "acme/tools/app", default_branch: "main" },
};
export const gitlabLabel = (title: string) => ({
  ...{ id: 206, title, color: "#ffffff", project_id: 15, template: false, type: "ProjectLabel" },
  ...{ created_at: "2013-12-03T17:15:43Z", updated_at: "2013-12-03T17:15:43Z", group_id: 41 },
});
export const gitlabIssueHook = {
  ...{ object_kind: "issue", event_type: "issue", user: gitlabUser, project: gitlabProject },
  object_attributes: {
    ...{ id: 301, iid: 7, title: "The greeting is wrong", description: "It says Hullo." },
    ...{ assignee_ids: [51], assignee_id: 51, author_id: 3, project_id: 15, confidential: false },
    ...{ created_at: "2026-01-01T10:00:00Z", updated_at: "2026-01-01T10:00:00Z", type: "Issue" },
    ...{ url: "https://gitlab.example/acme/tools/app/-/issues/7", state: "opened", action: "open" },
    ...{ severity: "high", labels: [] as object[] },
  },
  repository: { name: "App", url: "git@gitlab.example:acme/tools/app.git" },
  ...{ assignees: [], labels: [] as object[], changes: {} as Tree },
};
export const gitlabMergeHook = {
  ...{ object_kind: "merge_request", event_type: "merge_request" },
  ...{ user: gitlabUser, project: gitlabProject },
  object_attributes: {
    ...{ id: 99, iid: 9, target_branch: "main", source_branch: "greet", author_id: 3 },
    ...{ source_project_id: 15, target_project_id: 15, title: "Greet well", description: "" },
    ...{ state: "opened", draft: false, work_in_progress: false, action: "open" },
    ...{
      url: "https://gitlab.example/acme/tools/app/-/merge_requests/9",
      merge_status: "unchecked",
    },
    ...{ source: gitlabProject, target: gitlabProject, labels: [] },
    last_commit: { id: "a".repeat(40), message: "greet", title: "greet" },
  },
  ...{ labels: [], changes: {} as Tree, assignees: [], reviewers: [] },
};
export const gitlabNoteHook = {
  ...{ object_kind: "note", event_type: "note", user: gitlabUser, project_id: 15 },
  project: gitlabProject,
  object_attributes: {
    ...{ id: 1241, note: "/deputy why", noteable_type: "Issue", author_id: 3, project_id: 15 },
    ...{ created_at: "2015-05-17 17:06:40 UTC", updated_at: "2015-05-17 17:06:40 UTC" },
    ...{ line_code: null, commit_id: "", noteable_id: 92, system: false, action: "create" },
    url: "https://gitlab.example/acme/tools/app/-/issues/7#note_1241",
  },
  issue: {
    ...{ id: 92, iid: 7, title: "The greeting is wrong", description: "It says Hullo." },
    ...{ assignee_ids: [], author_id: 3, state: "opened", labels: [gitlabLabel("deputy")] },
  },
};
export const gitlabPipelineHook = {
  object_kind: "pipeline",
  object_attributes: {
    ...{ id: 31, iid: 3, name: "Pipeline for branch: main", ref: "main", tag: false },
    ...{ sha: "a".repeat(40), before_sha: "b".repeat(40), source: "push", status: "failed" },
    ...{ stages: ["build", "test"], variables: [{ key: "SECRET", value: "s" }] },
    url: "https://gitlab.example/acme/tools/app/-/pipelines/31",
  },
  merge_request: null as Tree | null,
  ...{ user: gitlabUser, project: gitlabProject },
  commit: { id: "a".repeat(40), message: "Greet well\n\nAs asked." },
  builds: [{ id: 380, stage: "test", name: "test", status: "failed", allow_failure: false }],
};

/** As each forge signs what it sends. */
export const signed = {
  gitea: (body: string, secret: string, event: string, id: string) => ({
    "x-gitea-event": event,
    "x-gitea-delivery": id,
    "x-gitea-signature": createHmac("sha256", secret).update(body).digest("hex"),
  }),
  gitlab: (_body: string, secret: string, event: string, id: string) => ({
    "x-gitlab-event": event,
    "idempotency-key": id,
    "x-gitlab-token": secret,
  }),
};
