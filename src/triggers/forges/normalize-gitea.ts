import { z } from "zod";
import {
  giteaRepository,
  isDraft,
  isDraftTitle,
  issue,
  labels,
  namesOf,
  normalIssue,
  normalPull,
  person,
  pull,
  repository,
  text,
  user,
} from "./gitea-shapes.ts";
import {
  type Normal,
  type Normalize,
  type NormalPerson,
  type NormalRepository,
  normalLabels,
} from "./normal.ts";

/**
 * Webhooks of Gitea and Forgejo in the form of GitHub's, from which they come: most fields have the
 * same names. What differs: the words for actions, labels (`label_updated` tells which since Gitea 1.24 only),
 * draft pull requests, commit statuses, and runs of Forgejo's Actions. Pure.
 */
const run = z.object({
  ...{ name: text, path: text, display_title: text, title: text, html_url: text },
  ...{ event: text, conclusion: text, status: text, head_branch: text, prettyref: text },
  ...{ workflow_id: text, head_sha: text, commit_sha: text },
  is_fork_pull_request: z.boolean().nullish(),
  head_repository: z.object({ id: z.number() }).nullish(),
});
const webhook = z.object({
  action: text,
  repository,
  sender: user.nullish(),
  issue: issue.nullish(),
  is_pull: z.boolean().nullish(),
  comment: z.object({ id: z.number(), body: text, user: user.nullish() }).nullish(),
  pull_request: pull.nullish(),
  /** Of issues.assigned: the issue says who has it now. */
  changes: z
    .object({
      ...{ added_labels: labels, removed_labels: labels },
      title: z.object({ from: text }).nullish(),
    })
    .nullish(),
  removed_labels: labels,
  workflow_run: run.nullish(),
  run: run.nullish(),
  ...{ sha: text, state: text, context: text, description: text, target_url: text },
});
type Webhook = z.infer<typeof webhook>;

/** Others have fields of these names with something else in them. */
const heard = /^(?:issues|issue_comment|pull_request|status|workflow_run|action_run\w*)$/;

export const normalizeGitea: Normalize = (event, raw) => {
  if (!heard.test(event)) return [];
  const data = webhook.parse(raw);
  const common = {
    repository: giteaRepository(raw.repository),
    sender: person(data.sender ?? data.repository.owner),
  };
  const action = data.action ?? "";
  if (event === "status") return readStatus(data, common);
  if (event.startsWith("action_run") || event === "workflow_run") return readRun(data, common);
  if (event === "issue_comment" && data.issue && data.comment && action === "created") {
    const { body, id, user } = data.comment;
    const comment = { id, body, user: user && person(user) };
    const about = normalIssue(data.issue, data.is_pull === true);
    return [{ event, payload: { ...common, action, comment, issue: about } }];
  }
  if (event === "issues" && data.issue) {
    const about = { ...common, issue: normalIssue(data.issue, false) };
    const assigned = raw.issue as { assignee?: unknown; assignees?: unknown };
    return readSubject(event, data, about, namesOf(data.issue.labels), findAssignees(assigned));
  }
  if (event === "pull_request" && data.pull_request) {
    const about = { ...common, pull_request: normalPull(data.pull_request) };
    return readSubject(event, data, about, namesOf(data.pull_request.labels), []);
  }
  return [];
};

/** An issue or a pull request. */
function readSubject(
  event: string,
  data: Webhook,
  about: Record<string, unknown>,
  present: string[],
  assignees: NormalPerson[],
): Normal[] {
  const action = data.action ?? "";
  switch (action) {
    case "opened":
      // GitHub tells of the labels that a new issue has as of labels that are set.
      return [
        { event, payload: { ...about, action } },
        ...(event === "issues" ? normalLabels(about, { event, added: present, removed: [] }) : []),
      ];
    case "synchronized":
      return [{ event, payload: { ...about, action: "synchronize" } }];
    case "edited":
      return readEdited(event, about, data);
    case "assigned":
      return assignees.map((assignee) => ({ event, payload: { ...about, action, assignee } }));
    case "label_updated":
    case "label_cleared": {
      const { changes } = data;
      const removed = namesOf(changes?.removed_labels ?? data.removed_labels);
      // An older one does not tell which label is new: each that is there may be.
      const isTold = changes?.added_labels != null || removed.length > 0;
      const added = isTold ? namesOf(changes?.added_labels) : present;
      return normalLabels({ ...about, is_label_told: isTold }, { event, added, removed });
    }
    case "closed":
    case "reopened":
    case "deleted":
      return [{ event, payload: { ...about, action } }];
    default:
      return [];
  }
}

/** A draft is made ready by its title, which an edit changes. */
function readEdited(event: string, about: Record<string, unknown>, data: Webhook): Normal[] {
  const edited = { event, payload: { ...about, action: "edited" } };
  const { changes, pull_request } = data;
  const wasDraft = isDraftTitle(changes?.title?.from);
  if (event !== "pull_request" || !pull_request || !wasDraft || isDraft(pull_request))
    return [edited];
  return [edited, { event, payload: { ...about, action: "ready_for_review" } }];
}

/** A commit status is the kind of check that every version has. */
function readStatus(data: Webhook, common: object): Normal[] {
  const { context, description, sha, state, target_url } = data;
  const hasFailed = state === "failure" || state === "error";
  if (!hasFailed) return [];
  const check_run = {
    ...{ name: context, conclusion: "failure", html_url: target_url, head_sha: sha },
    output: { title: description, summary: null, text: null },
  };
  return [{ event: "check_run", payload: { ...common, action: "completed", check_run } }];
}

/** Of Gitea's Actions, whose webhook is GitHub's, and of Forgejo's, whose words are others. */
function readRun(
  { action, run, workflow_run }: Webhook,
  common: { repository: NormalRepository },
): Normal[] {
  const found = workflow_run ?? run;
  if (!found || (workflow_run && action !== "completed")) return [];
  const hasFailed = (found.conclusion ?? found.status ?? action) === "failure";
  if (!hasFailed) return [];
  const isFork = found.is_fork_pull_request === true;
  const here = { id: common.repository.id };
  const normal = {
    name: found.name ?? found.workflow_id ?? found.path,
    display_title: found.display_title ?? found.title,
    event: found.event,
    conclusion: "failure",
    html_url: found.html_url,
    head_branch: found.head_branch ?? found.prettyref,
    head_sha: found.head_sha ?? found.commit_sha,
    head_repository: isFork ? null : workflow_run ? found.head_repository : here,
  };
  return [
    { event: "workflow_run", payload: { ...common, action: "completed", workflow_run: normal } },
  ];
}

function findAssignees({ assignee, assignees }: { assignee?: unknown; assignees?: unknown }) {
  const all = z.array(user).nullish().catch(null).parse(assignees);
  const one = user.nullish().catch(null).parse(assignee);
  return (all ?? (one ? [one] : [])).map(person);
}
