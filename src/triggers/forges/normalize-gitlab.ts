import { z } from "zod";
import {
  gitlabRepository,
  labels,
  normalIssue,
  normalPull,
  person,
  project,
  type Subject,
  subject,
  text,
  user,
} from "./gitlab-shapes.ts";
import {
  type Normal,
  type Normalize,
  type NormalPerson,
  type NormalRepository,
  normalLabels,
} from "./normal.ts";

/**
 * Webhooks of GitLab in the form of GitHub's: a merge request is a pull request with a
 * number of its own series, a note is a comment, a pipeline is a workflow run. GitLab says of an
 * author the id alone, of nobody what they may do, and nothing of a target branch's commit. What is
 * confidential there is left out, because a pull request for it would show it. Pure.
 */
const changed = z.object({ previous: z.unknown(), current: z.unknown() }).nullish();
const note = z.object({
  id: z.number(),
  note: text,
  noteable_type: text,
  ...{ author_id: z.number().nullish(), system: z.boolean().nullish(), action: text, url: text },
  ...{ internal: z.boolean().nullish(), created_at: text, updated_at: text },
});
const webhook = z.object({
  object_kind: z.string(),
  event_type: text,
  user: user.nullish(),
  project,
  labels,
  changes: z
    .object({
      ...{ labels: changed, title: changed, description: changed, draft: changed },
      assignees: changed,
    })
    .nullish(),
  issue: subject.nullish(),
  merge_request: z
    .object({ source_branch: text, source_project_id: z.number().nullish() })
    .nullish(),
  commit: z.object({ message: text }).nullish(),
});
type Webhook = z.infer<typeof webhook>;

const heard: unknown[] = ["issue", "merge_request", "note", "pipeline"];

export const normalizeGitlab: Normalize = (_event, raw) => {
  if (!heard.includes(raw.object_kind)) return [];
  const data = webhook.parse(raw);
  if (!data.user || data.event_type?.startsWith("confidential_")) return [];
  const common = { repository: gitlabRepository(raw.project), sender: person(data.user) };
  switch (data.object_kind) {
    case "issue":
    case "merge_request":
      return readSubject(data, subject.parse(raw.object_attributes), common);
    case "note":
      return readNote(raw, note.parse(raw.object_attributes), common);
    case "pipeline":
      return readPipeline(data, raw.object_attributes, common);
    default:
      return [];
  }
};

type Common = { repository: NormalRepository; sender: NormalPerson };

function readSubject({ changes, labels, object_kind }: Webhook, found: Subject, common: Common) {
  if (found.confidential) return [];
  const isPull = object_kind === "merge_request";
  const event = isPull ? "pull_request" : "issues";
  const now = { ...found, labels: [...new Set([...found.labels, ...labels])] };
  const shown = isPull ? normalPull(now, common.sender) : normalIssue(now, common.sender, false);
  const about = { ...common, ...(isPull ? { pull_request: shown } : { issue: shown }) };
  const one = (action: string): Normal => ({ event, payload: { ...about, action } });
  switch (found.action) {
    case "open":
      return [
        one("opened"),
        // GitHub tells of the labels that a new issue has as of labels that are set.
        ...(isPull ? [] : normalLabels(about, { event, added: now.labels, removed: [] })),
      ];
    case "close":
      return [one("closed")];
    case "merge": {
      const merged = { ...about, pull_request: { ...shown, merged: true, state: "closed" } };
      return [{ event, payload: { ...merged, action: "closed" } }];
    }
    case "reopen":
      return [one("reopened")];
    case "update": {
      const isReady = changes?.draft?.previous === true && changes.draft.current === false;
      const isEdited = changes?.title != null || changes?.description != null;
      const given = isPull ? [] : newOnes(people, changes?.assignees, ({ username }) => username);
      return [
        ...(isEdited ? [one("edited")] : []),
        ...normalLabels(about, {
          event,
          added: newOnes(labels_, changes?.labels, (name) => name),
          removed: newOnes(labels_, reverse(changes?.labels), (name) => name),
        }),
        ...given.map((user) => ({
          event,
          payload: { ...about, action: "assigned", assignee: person(user) },
        })),
        // New commits are told of by the head that was there before.
        ...(found.oldrev ? [one("synchronize")] : isReady ? [one("ready_for_review")] : []),
      ];
    }
    default:
      return [];
  }
}

const people = z.array(user).nullish().catch(null);
const labels_ = labels.catch([]);

type Changed = z.infer<typeof changed>;

function newOnes<One>(
  list: z.ZodType<One[] | null | undefined>,
  change: Changed,
  nameOf: (one: One) => string,
): One[] {
  const before = new Set((list.parse(change?.previous) ?? []).map(nameOf));
  return (list.parse(change?.current) ?? []).filter((one) => !before.has(nameOf(one)));
}

function reverse(change: Changed): Changed {
  return change && { previous: change.current, current: change.previous };
}

/** A new remark of a person on an issue or a merge request. */
function readNote(
  raw: Record<string, unknown>,
  found: z.infer<typeof note>,
  common: Common,
): Normal[] {
  // Before 16.11 only new ones were told of, without an action.
  const isNew = found.action == null || found.action === "create";
  if (!isNew || found.system || found.internal) return [];
  const isPull = found.noteable_type === "MergeRequest";
  if (!isPull && found.noteable_type !== "Issue") return [];
  const on = subject.parse(isPull ? raw.merge_request : raw.issue);
  if (on.confidential) return [];
  const url = on.url ?? on.web_url ?? found.url?.replace(/#.*$/, "");
  const issue = normalIssue({ ...on, url }, common.sender, isPull);
  const comment = { id: found.id, body: found.note, user: common.sender };
  return [{ event: "issue_comment", payload: { ...common, action: "created", issue, comment } }];
}

const pipeline = z.object({
  id: z.number(),
  ...{ name: text, ref: text, sha: text, source: text, status: text, url: text },
});

function readPipeline({ commit, merge_request }: Webhook, raw: unknown, common: Common): Normal[] {
  const found = pipeline.parse(raw);
  if (found.status !== "failed") return [];
  const of = merge_request?.source_project_id ?? common.repository.id;
  const workflow_run = {
    name: found.name ?? `pipeline ${found.id}`,
    display_title: commit?.message?.split("\n", 1)[0] ?? null,
    event: sources[found.source ?? ""] ?? found.source,
    conclusion: "failure",
    html_url: found.url,
    head_branch: merge_request?.source_branch ?? found.ref,
    head_sha: found.sha,
    head_repository: { id: of },
  };
  return [{ event: "workflow_run", payload: { ...common, action: "completed", workflow_run } }];
}

/** What starts a pipeline, in the words for what starts a workflow; each needs the right to push. */
const sources: Record<string, string> = {
  push: "push",
  web: "workflow_dispatch",
  webide: "push",
  api: "repository_dispatch",
  trigger: "repository_dispatch",
  pipeline: "repository_dispatch",
  parent_pipeline: "repository_dispatch",
  merge_request_event: "pull_request",
};
