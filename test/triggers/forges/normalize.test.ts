import { expect, test } from "vitest";
import { normalize } from "../../../src/triggers/forges/receive-forge.ts";
import { readEvents } from "../../../src/triggers/forges/test-events.ts";
import { readGithubChange } from "../../../src/triggers/github/github-event.ts";
import { matchGithub } from "../../../src/triggers/github/match-github.ts";
import { parseTriggerRules } from "../../../src/triggers/rules.ts";
import {
  change,
  forgejoRunHook,
  giteaCommentHook,
  giteaIssueHook,
  giteaLabel,
  giteaPullHook,
  giteaRunHook,
  giteaStatusHook,
  gitlabIssueHook,
  gitlabLabel,
  gitlabMergeHook,
  gitlabNoteHook,
  gitlabPipelineHook,
  type Tree,
} from "./payloads.ts";

/** Webhooks of other forges, in the form that the rules for GitHub's read. */
const section = `
  - { on: [issues.opened], repository: "acme/**" }
  - { on: [issues.labeled], repository: "acme/**", label: deputy }
  - { on: [issues.assigned], repository: "acme/**", assignee: deputy-bot }
  - { on: [workflow_run.failed, check_run.failed], repository: "acme/**", deliver: branch }
  - { on: [pull_request.opened, pull_request.synchronize, pull_request.ready_for_review], repository: "acme/**" }
`;
const rules = parseTriggerRules(`gitea:${section}gitlab:${section}`, "triggers.yaml");

/** What each event would do: `fires`, with what it is about, or why not. */
function read(forge: "gitea" | "gitlab", event: string, payload: Tree): string[] {
  const found = normalize(forge, event, payload);
  if ("problem" in found) return [found.problem];
  return found.events.map(({ event, payload }) => {
    const change = readGithubChange(event, payload);
    if (change !== null) return `${change.subject}: ${change.what}`;
    const match = matchGithub(event, payload, rules);
    if (!match.fires) return match.reason;
    const { isCommit, origin, recipe, subject, taskInput } = match.trigger;
    const where = isCommit ? taskInput.base : (origin.replyTo ?? "");
    return `${recipe} ${subject} ${where}`;
  });
}
const gitea = (event: string, hook: Tree, changes: Tree = {}) =>
  read("gitea", event, change(hook, changes));
const gitlab = (hook: Tree, changes: Tree = {}) => read("gitlab", "", change(hook, changes));
const commit = "a".repeat(40);

test("issues of Gitea: opened, labelled, assigned, closed", () => {
  const issue = "gitea:acme/app#7";
  expect(gitea("issues", giteaIssueHook)).toEqual([`change ${issue} ${issue}`]);
  const labels = [giteaLabel("deputy"), giteaLabel("bug")];
  expect(gitea("issues", giteaIssueHook, { issue: { labels } })).toEqual([
    `change ${issue} ${issue}`,
    `change ${issue} ${issue}`,
    "no rule fits: gitea[1]: the label is not deputy",
  ]);
  const updated = { action: "label_updated", issue: { labels } };
  const told = { changes: { added_labels: [giteaLabel("bug")], removed_labels: [] } };
  expect(gitea("issues", giteaIssueHook, { ...updated, ...told })).toEqual([
    "no rule fits: gitea[1]: the label is not deputy",
  ]);
  const taken = { changes: { removed_labels: [giteaLabel("deputy")] } };
  expect(gitea("issues", giteaIssueHook, { ...updated, ...taken })).toEqual([
    `${issue}: ada took a label from acme/app#7`,
  ]);
  expect(
    gitea("issues", giteaIssueHook, {
      action: "assigned",
      issue: { assignee: { id: 8, login: "deputy-bot" } },
    }),
  ).toEqual([`change ${issue} ${issue}`]);
  expect(gitea("issues", giteaIssueHook, { action: "closed" })).toEqual([
    `${issue}: ada closed acme/app#7`,
  ]);
  expect(gitea("issues", giteaIssueHook, { action: "milestoned" })).toEqual([]);
});

test("an older Gitea does not tell which label is new: the label is asked for", () => {
  const labels = [giteaLabel("deputy"), giteaLabel("bug")];
  const found = normalize("gitea", "issues", {
    ...change(giteaIssueHook, { action: "label_updated", issue: { labels } }),
  });
  const unsure = ("events" in found ? found.events : []).map(({ event, payload }) => {
    const match = matchGithub(event, payload, rules);
    return match.fires ? match.trigger.unsureLabel : match.reason;
  });
  expect(unsure).toEqual(["deputy", "no rule fits: gitea[1]: the label is not deputy"]);
});

test("pull requests of Gitea: drafts, forks, new heads", () => {
  const pull = "gitea:acme/app#9";
  expect(gitea("pull_request", giteaPullHook)).toEqual([`review ${pull} ${pull}`]);
  const synced = { action: "synchronized" };
  expect(gitea("pull_request", giteaPullHook, synced)).toEqual([`review ${pull} ${pull}`]);
  const draft = { pull_request: { draft: true, title: "WIP: Greet well" } };
  expect(gitea("pull_request", giteaPullHook, draft)[0]).toContain("is a draft");
  const ready = { action: "edited", changes: { title: { from: "WIP: Greet well" } } };
  expect(gitea("pull_request", giteaPullHook, ready)).toEqual([
    `${pull}: ada edited acme/app#9`,
    `review ${pull} ${pull}`,
  ]);
  const merged = { action: "closed", pull_request: { merged: true, state: "closed" } };
  expect(gitea("pull_request", giteaPullHook, merged)).toEqual([`${pull}: ada merged acme/app#9`]);
  // A branch of ours may only be in the repository itself.
  const ours = (repo_id: number) => {
    const read = normalize("gitea", "pull_request", {
      ...change(giteaPullHook, { pull_request: { head: { ref: "deputy/x", repo_id } } }),
    });
    const [one] = "events" in read ? read.events : [];
    const match = matchGithub(one?.event ?? "", one?.payload, rules);
    return match.fires && match.trigger.perhapsOurs !== null;
  };
  expect([ours(140), ours(141)]).toEqual([true, false]);
});

test("failures of Gitea's and Forgejo's Actions, and of any CI by commit statuses", () => {
  const failed = `change gitea:acme/app@${commit} ${commit}`;
  expect(gitea("workflow_run", giteaRunHook)).toEqual([failed]);
  expect(gitea("workflow_run", giteaRunHook, { action: "requested" })).toEqual([]);
  const green = { workflow_run: { conclusion: "success" } };
  expect(gitea("workflow_run", giteaRunHook, green)).toEqual([]);
  expect(gitea("action_run_failure", forgejoRunHook)).toEqual([failed]);
  expect(gitea("status", giteaStatusHook)).toEqual([failed]);
  expect(gitea("status", giteaStatusHook, { state: "success" })).toEqual([]);
});

test("bots of the forges start nothing", () => {
  const actions = { sender: { id: -2, login: "gitea-actions" } };
  expect(gitea("issues", giteaIssueHook, actions)).toEqual(["gitea-actions is a bot"]);
  const user = { username: "project_15_bot_3f0c2a" };
  expect(gitlab(gitlabIssueHook, { user })).toEqual(["project_15_bot_3f0c2a is a bot"]);
});

test("issues of GitLab: labels by what changed, assignees, nothing confidential", () => {
  const issue = "gitlab:acme/tools/app#7";
  expect(gitlab(gitlabIssueHook)).toEqual([`change ${issue} ${issue}`]);
  const update = (changes: Tree) => ({ object_attributes: { action: "update" }, changes });
  const [api, deputy] = [gitlabLabel("API"), gitlabLabel("deputy")];
  const both = update({ labels: { previous: [api], current: [api, deputy] } });
  expect(gitlab(gitlabIssueHook, both)).toEqual([`change ${issue} ${issue}`]);
  const gone = update({ labels: { previous: [deputy], current: [] } });
  expect(gitlab(gitlabIssueHook, gone)).toEqual([
    `${issue}: ada took a label from acme/tools/app#7`,
  ]);
  const given = update({
    assignees: { previous: [], current: [{ id: 8, username: "deputy-bot" }] },
  });
  expect(gitlab(gitlabIssueHook, given)).toEqual([`change ${issue} ${issue}`]);
  expect(gitlab(gitlabIssueHook, update({ title: { previous: "a", current: "b" } }))).toEqual([
    `${issue}: ada edited acme/tools/app#7`,
  ]);
  expect(gitlab(gitlabIssueHook, update({ weight: { previous: 1, current: 2 } }))).toEqual([]);
  expect(gitlab(gitlabIssueHook, { object_attributes: { confidential: true } })).toEqual([]);
  expect(gitlab(gitlabIssueHook, { event_type: "confidential_issue" })).toEqual([]);
});

test("merge requests of GitLab have numbers of their own", () => {
  const merge = "gitlab:acme/tools/app!9";
  const review = [`review ${merge} ${merge}`];
  const about = (object_attributes: Tree, changes = {}) =>
    gitlab(gitlabMergeHook, { object_attributes, changes });
  expect(gitlab(gitlabMergeHook)).toEqual(review);
  expect(about({ action: "update", oldrev: "c".repeat(40) })).toEqual(review);
  expect(about({ action: "update" }, { draft: { previous: true, current: false } })).toEqual(
    review,
  );
  expect(about({ action: "update" })).toEqual([]);
  expect(about({ draft: true })[0]).toContain("is a draft");
  expect(about({ action: "merge", state: "merged" })).toEqual([
    `${merge}: ada merged acme/tools/app!9`,
  ]);
  expect(about({ action: "approved" })).toEqual([]);
});

test("a merge request is reviewed against its target branch, whose commit GitLab does not tell", () => {
  const found = (target_branch: string) => {
    const hook = change(gitlabMergeHook, { object_attributes: { target_branch } });
    const [one] = readEvents(null, hook, null);
    const match = matchGithub(one?.event ?? "", one?.payload, rules);
    return match.fires ? match.trigger.origin.reviewedAgainst : match.reason;
  };
  expect(found("release/1.0")).toBe("release/1.0");
  // Not a name to be given to git.
  expect(found("--upload-pack=x")).toBeNull();
});

test("pipelines of GitLab: of branches, and of merge requests of forks, whose commit is an outsider's", () => {
  expect(gitlab(gitlabPipelineHook)).toEqual([`change gitlab:acme/tools/app@${commit} ${commit}`]);
  expect(gitlab(gitlabPipelineHook, { object_attributes: { status: "success" } })).toEqual([]);
  const [event] = readEvents(
    null,
    change(gitlabPipelineHook, {
      object_attributes: { source: "merge_request_event" },
      merge_request: { source_project_id: 99, source_branch: "theirs" },
    }),
    null,
  );
  const match = matchGithub(event?.event ?? "", event?.payload, rules);
  expect(match.fires && match.trigger).toMatchObject({
    needsApproval: true,
    askAbout: null,
    reason: expect.stringContaining("comes from a fork"),
  });
});

test("remarks: new ones of people on issues and merge requests", () => {
  const issue = "gitlab:acme/tools/app#7";
  expect(gitlab(gitlabNoteHook)).toEqual([`${issue}: ada commented on acme/tools/app#7`]);
  const about = (object_attributes: Tree) => gitlab(gitlabNoteHook, { object_attributes });
  expect(about({ action: "update" })).toEqual([]);
  expect(about({ system: true })).toEqual([]);
  expect(about({ internal: true })).toEqual([]);
  expect(about({ noteable_type: "Commit" })).toEqual([]);
  const onMerge = {
    object_attributes: {
      noteable_type: "MergeRequest",
      url: "https://gitlab.example/acme/tools/app/-/merge_requests/9#note_1244",
    },
    merge_request: { iid: 9, title: "Greet well", state: "opened" },
  };
  const read = normalize("gitlab", "", change(gitlabNoteHook, onMerge));
  const [one] = "events" in read ? read.events : [];
  expect(readGithubChange(one?.event ?? "", one?.payload)).toMatchObject({
    subject: "gitlab:acme/tools/app!9",
    pullUrl: "https://gitlab.example/acme/tools/app/-/merge_requests/9",
  });
  const onPull = {
    is_pull: true,
    issue: { number: 9, pull_request: { html_url: "https://gitea.example/acme/app/pulls/9" } },
  };
  const other = normalize("gitea", "issue_comment", change(giteaCommentHook, onPull));
  const [comment] = "events" in other ? other.events : [];
  expect(readGithubChange(comment?.event ?? "", comment?.payload)).toMatchObject({
    subject: "gitea:acme/app#9",
    pullUrl: "https://gitea.example/acme/app/pulls/9",
  });
});

test("without an association nobody is trusted by the payload; the owner's own account is", () => {
  const trust = (hook: Tree) => {
    const [one] = readEvents("issues", hook, "gitea");
    const match = matchGithub(one?.event ?? "", one?.payload, rules);
    return match.fires && [match.trigger.needsApproval, match.trigger.askAbout?.login ?? null];
  };
  expect(trust(giteaIssueHook)).toEqual([true, "ada"]);
  expect(trust(change(giteaIssueHook, { sender: { id: 1, login: "acme" } }))).toEqual([
    false,
    null,
  ]);
});

test.each([
  ["a name that would leave its folder", { repository: { full_name: "../../etc" } }],
  ["a number that is none", { issue: { number: -7 } }],
  ["a login with spaces", { sender: { login: "ada lovelace" } }],
])("%s is not acted on", (_, changes) => {
  expect(gitea("issues", giteaIssueHook, changes)[0]).toMatch(/the payload is not as expected at/);
});

test("a body of another shape is a problem in one sentence", () => {
  expect(gitea("issues", { issue: 7 })).toEqual([
    "Gitea's issues: the payload is not as expected at repository.",
  ]);
  expect(gitlab({ object_kind: "issue", user: { username: "a" } })).toEqual([
    "GitLab's : the payload is not as expected at project.",
  ]);
});

test("events that rules cannot name are taken, and tell of nothing", () => {
  expect(gitea("wiki", giteaIssueHook, { comment: "a word", page: "Home" })).toEqual([]);
  expect(gitea("pull_request_approved", giteaPullHook, { action: "reviewed" })).toEqual([]);
  expect(gitlab({ object_kind: "push", ref: "refs/heads/main", project: 1 })).toEqual([]);
});

test("of a pasted payload forge and event are guessed", () => {
  const names = (hook: Tree) => readEvents(null, hook, null).map(({ event }) => event);
  expect(names(giteaIssueHook)).toEqual(["issues"]);
  expect(names(giteaCommentHook)).toEqual(["issue_comment"]);
  expect(names(giteaStatusHook)).toEqual(["check_run"]);
  expect(names(forgejoRunHook)).toEqual(["workflow_run"]);
  expect(names(gitlabPipelineHook)).toEqual(["workflow_run"]);
  expect(readEvents(null, { issue: {}, comment: {} }, null)).toMatchObject([
    { event: "issue_comment" },
  ]);
  expect(() => names({ zen: "Keep it." })).toThrow(/name it in `event`/);
});
