import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { serveGit } from "./git-http.ts";

/**
 * A Gitea or a GitLab on loopback that remembers: repositories over git's own HTTP server program, and
 * the routes for issues, pull requests, comments, checks and permissions that Deputy calls. Both want the token. It knows one
 * project; pages are as small as asked for, and at most 50.
 */
export type ForgeKind = "gitea" | "gitlab";
export type ForgePull = {
  number: number;
  title: string;
  body: string;
  head: string;
  base: string;
  state: "open" | "closed" | "merged";
  /** The account; 1 is the token's. */
  author: number;
  isOfFork?: boolean;
};
/** `isIssue`: of GitLab, which counts issues and merge requests apart. */
export type ForgeComment = {
  id: number;
  pull: number;
  body: string;
  author: number;
  isIssue?: boolean;
  at?: string;
};
export type ForgeIssue = {
  number: number;
  title: string;
  body: string;
  by: string;
  labels: string[];
  createdAt: string;
  updatedAt: string;
};
export type ForgeStatus = { id: number; commit: string; name: string; status: string };

/** The accounts; the token's is 1. */
export const forgeUsers: Record<string, number> = { deputy: 1, ada: 3, mallory: 66 };
const loginOf = (id: number) =>
  Object.keys(forgeUsers).find((login) => forgeUsers[login] === id) ?? "somebody";

export type FakeForge = {
  url: string;
  token: string;
  pulls: ForgePull[];
  comments: ForgeComment[];
  issues: ForgeIssue[];
  /** Labels that were set. */
  labelled: { id: number; issue: number; label: string; by: string; at: string }[];
  /** Reactions of the token's account, by comment. */
  reactions: { comment: number; content: string }[];
  statuses: ForgeStatus[];
  /** Of jobs, by their id. */
  logs: Record<number, string>;
  /** Who may push. */
  writers: string[];
  /** What was asked, as "POST /path". */
  asked: string[];
  /** Answers in place of the forge, until it says null. */
  refuse: (asked: string) => { status: number; body?: string } | "hang up" | null;
  /** Called after a pull request was made: true loses the answer. */
  losesAnswer: boolean;
  cloneUrl: string;
  /** Gives the project the branches of a checkout. */
  load(from: string): void;
  git(...args: string[]): string;
  close(): Promise<void>;
};

export async function startFakeForge(kind: ForgeKind, project: string): Promise<FakeForge> {
  const token = `${kind}-token-0123456789abcdef`;
  const root = await mkdtemp(join(tmpdir(), `deputy-${kind}-`));
  const gitDir = join(root, `${project}.git`);
  await mkdir(dirname(gitDir), { recursive: true });
  const login = `Basic ${Buffer.from(`oauth2:${token}`).toString("base64")}`;
  const bearer = kind === "gitea" ? `token ${token}` : `Bearer ${token}`;
  const root4 = kind === "gitea" ? "/api/v1" : "/api/v4";

  const server = createServer(async (request, response) => {
    if (!request.url?.startsWith(root4)) {
      if (request.headers.authorization === login) return serveGit(request, response, root);
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="forge"' }).end();
      return;
    }
    const body = await readBody(request);
    const path = request.url.slice(root4.length);
    const asked = `${request.method} ${path}`;
    forge.asked.push(asked);
    const refusal = forge.refuse(asked);
    if (refusal === "hang up") return void request.socket.destroy();
    if (refusal) return void response.writeHead(refusal.status).end(refusal.body ?? "");
    if (request.headers.authorization !== bearer)
      return send(response, 401, { message: "bad token" });
    const serve = kind === "gitea" ? serveGitea : serveGitlab;
    const answer = serve(forge, project, request.method ?? "", path, body);
    if (forge.losesAnswer && request.method === "POST" && /pulls$|merge_requests$/.test(path)) {
      forge.losesAnswer = false;
      return void request.socket.destroy();
    }
    if (typeof answer === "string") return void response.writeHead(200).end(answer);
    send(response, answer === null ? 404 : 200, answer ?? { message: "Not Found" });
  });
  const forge: FakeForge = {
    ...{ url: "", token, pulls: [], comments: [], asked: [], cloneUrl: "", losesAnswer: false },
    ...{ issues: [], labelled: [], reactions: [], statuses: [], logs: {}, writers: ["ada"] },
    refuse: () => null,
    load: (from) => {
      runGit(root, "clone", "--quiet", "--bare", from, gitDir);
      runGit(gitDir, "config", "http.receivepack", "true");
    },
    git: (...args) => runGit(gitDir, ...args),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(root, { recursive: true, force: true });
    },
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  forge.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  forge.cloneUrl = `${forge.url}${project}.git`;
  return forge;
}

type Body = Record<string, string>;

function serveGitea(
  forge: FakeForge,
  project: string,
  method: string,
  path: string,
  body: Body,
): unknown {
  const { pathname, searchParams } = new URL(path, "http://forge.test");
  if (pathname === "/user") return { id: 1, login: "deputy" };
  const rest = pathname.replace(`/repos/${project}`, "");
  if (rest === pathname) return null;
  const id = Number(/\d+/.exec(rest)?.[0]);
  const user = (id: number) => ({ id, login: loginOf(id) });
  const show = (pull: ForgePull) => ({
    ...{ number: pull.number, title: pull.title, body: pull.body, user: user(pull.author) },
    html_url: `${forge.url}${project}/pulls/${pull.number}`,
    state: pull.state === "open" ? "open" : "closed",
    merged: pull.state === "merged",
    draft: /^WIP: /.test(pull.title),
    head: { ref: pull.head, sha: tipOf(forge, pull.head), repo_id: pull.isOfFork ? 2 : 1 },
    base: { ref: pull.base, sha: tipOf(forge, pull.base), repo_id: 1 },
    created_at: "2026-01-01T00:00:00Z",
  });
  const comment = (one: ForgeComment) => ({
    ...{ id: one.id, body: one.body, user: user(one.author) },
    html_url: `${forge.url}${project}/issues/${one.pull}#issuecomment-${one.id}`,
    ...{ issue_url: `${forge.url}${project}/issues/${one.pull}`, pull_request_url: "" },
    ...{ created_at: one.at, updated_at: one.at },
  });
  const issue = (one: ForgeIssue) => ({
    ...{ number: one.number, title: one.title, body: one.body, state: "open", pull_request: null },
    ...{ user: user(forgeUsers[one.by] ?? 0), labels: one.labels.map((name) => ({ name })) },
    ...{ created_at: one.createdAt, updated_at: one.updatedAt },
    html_url: `${forge.url}${project}/issues/${one.number}`,
  });
  const page = <One>(list: One[]) => {
    const from = (Number(searchParams.get("page") ?? 1) - 1) * 50;
    return list.slice(from, from + 50);
  };
  const since = searchParams.get("since") ?? "";
  const [, login = ""] = /^\/collaborators\/([^/]+)\/permission$/.exec(rest) ?? [];
  if (login !== "")
    return {
      permission: forge.writers.includes(login) ? "write" : "read",
      user: user(forgeUsers[login] ?? 0),
    };
  const [, ofCommit] = /^\/commits\/([0-9a-f]{40})\/status$/.exec(rest) ?? [];
  if (ofCommit !== undefined)
    return {
      statuses: forge.statuses
        .filter(({ commit }) => commit === ofCommit)
        .map(({ id, name, status }) => ({ id, context: name, status, description: "it says so" })),
    };
  switch (`${method} ${rest.replace(/\d+/, "N")}`) {
    case "GET ":
      return {
        ...{ id: 1, full_name: project, default_branch: "main", permissions: { push: true } },
        owner: { id: 90, login: project.split("/")[0] },
      };
    case "GET /issues":
      return page(forge.issues.filter(({ updatedAt }) => updatedAt >= since)).map(issue);
    case "GET /issues/comments":
      return page(forge.comments.filter(({ at }) => at !== undefined && at >= since)).map(comment);
    case "GET /issues/N":
      return forge.issues.filter(({ number }) => number === id).map(issue)[0] ?? null;
    case "GET /issues/N/timeline":
      return page(forge.labelled.filter((one) => one.issue === id)).map((one) => ({
        ...{ id: one.id, type: "label", body: "1", label: { name: one.label } },
        ...{ user: user(forgeUsers[one.by] ?? 0), created_at: one.at },
      }));
    case "POST /issues/comments/N/reactions":
      forge.reactions.push({ comment: id, content: body.content ?? "" });
      return {};
    case "GET /pulls": {
      const page = Number(searchParams.get("page") ?? 1);
      const limit = Math.min(50, Number(searchParams.get("limit") ?? 50));
      const open = forge.pulls.filter(({ state }) => state === "open").reverse();
      return open.slice((page - 1) * limit, page * limit).map(show);
    }
    case "GET /pulls/N":
      return found(forge, id, show);
    case "POST /pulls":
      return addPull(forge, body.head, body.base, body.title, body.body, show);
    case "PATCH /pulls/N":
      return found(forge, id, (pull) => show(Object.assign(pull, body)));
    case "GET /issues/N/comments":
      return forge.comments.filter(({ pull }) => pull === id).map(comment);
    case "POST /issues/N/comments":
      return comment(addComment(forge, id, body.body));
    case "PATCH /issues/comments/N":
      return edit(forge, id, body.body, comment);
  }
  return null;
}

function serveGitlab(
  forge: FakeForge,
  project: string,
  method: string,
  path: string,
  body: Body,
): unknown {
  const { pathname, searchParams } = new URL(path, "http://forge.test");
  if (pathname === "/user") return { id: 1, username: "deputy" };
  const rest = pathname.replace(`/projects/${encodeURIComponent(project)}`, "");
  if (rest === pathname) return null;
  const [number = 0, note = 0] = (rest.match(/\d+/g) ?? []).map(Number);
  const show = (pull: ForgePull) => ({
    ...{ iid: pull.number, title: pull.title, description: pull.body, author: { id: pull.author } },
    web_url: `${forge.url}${project}/-/merge_requests/${pull.number}`,
    state: pull.state === "open" ? "opened" : pull.state,
    ...{ source_project_id: pull.isOfFork ? 2 : 1, target_project_id: 1 },
    ...{ source_branch: pull.head, target_branch: pull.base, sha: tipOf(forge, pull.head) },
    ...{ diff_refs: { start_sha: tipOf(forge, pull.base) }, draft: /^Draft: /.test(pull.title) },
    author: { id: pull.author, username: loginOf(pull.author) },
    created_at: "2026-01-01T00:00:00Z",
  });
  const user = (login: string) => ({ id: forgeUsers[login] ?? 0, username: login });
  const comment = (one: ForgeComment) => ({
    ...{ id: one.id, body: one.body, author: user(loginOf(one.author)) },
    ...{ created_at: one.at, system: false },
  });
  const issue = (one: ForgeIssue) => ({
    ...{ iid: one.number, title: one.title, description: one.body, state: "opened" },
    ...{ author: user(one.by), labels: one.labels, confidential: false },
    ...{ created_at: one.createdAt, updated_at: one.updatedAt },
    web_url: `${forge.url}${project}/-/issues/${one.number}`,
  });
  const since = searchParams.get("updated_after") ?? "";
  const [, ofCommit] = /^\/repository\/commits\/([0-9a-f]{40})\/statuses$/.exec(rest) ?? [];
  if (ofCommit !== undefined) return forge.statuses.filter(({ commit }) => commit === ofCommit);
  switch (`${method} ${rest.replace(/\d+/g, "N")}`) {
    case "GET ":
      return { id: 1, path_with_namespace: project, default_branch: "main", permissions: null };
    case "GET /issues":
      return forge.issues.filter(({ updatedAt }) => updatedAt >= since).map(issue);
    case "GET /issues/N":
      return forge.issues.filter((one) => one.number === number).map(issue)[0] ?? null;
    case "GET /events":
      return forge.comments
        .filter(({ at }) => at !== undefined)
        .map((one) => ({
          target_type: "Note",
          note: {
            ...{ ...comment(one), noteable_iid: one.pull },
            noteable_type: one.isIssue ? "Issue" : "MergeRequest",
          },
        }));
    case "GET /issues/N/resource_label_events":
      return forge.labelled
        .filter((one) => one.issue === number)
        .map((one) => ({
          ...{ id: one.id, action: "add", label: { name: one.label }, user: user(one.by) },
          created_at: one.at,
        }));
    case "GET /members/all/N":
      return forge.writers.some((login) => forgeUsers[login] === number)
        ? { id: number, state: "active", access_level: 30 }
        : null;
    case "GET /jobs/N/trace":
      return forge.logs[number] ?? null;
    case "GET /issues/N/notes":
      return forge.comments.filter((one) => one.isIssue && one.pull === number).map(comment);
    case "POST /issues/N/notes":
      return comment(addComment(forge, number, body.body, true));
    case "PUT /issues/N/notes/N":
      return edit(forge, note, body.body, comment);
    case "POST /issues/N/notes/N/award_emoji":
    case "POST /merge_requests/N/notes/N/award_emoji":
      forge.reactions.push({ comment: note, content: body.name ?? "" });
      return {};
    case "GET /merge_requests":
      if (searchParams.has("updated_after")) return [];
      return forge.pulls
        .filter(({ head, state }) => state === "open" && head === searchParams.get("source_branch"))
        .map(show);
    case "GET /merge_requests/N":
      return found(forge, number, show);
    case "POST /merge_requests":
      return addPull(
        forge,
        ...([body.source_branch, body.target_branch, body.title, body.description] as const),
        show,
      );
    case "PUT /merge_requests/N": {
      const set = {
        ...(body.title !== undefined && { title: body.title }),
        ...(body.description !== undefined && { body: body.description }),
        ...(body.state_event === "close" && { state: "closed" as const }),
      };
      return found(forge, number, (pull) => show(Object.assign(pull, set)));
    }
    case "GET /merge_requests/N/notes": {
      const page = Number(searchParams.get("page") ?? 1);
      const size = Number(searchParams.get("per_page") ?? 20);
      const all = forge.comments
        .filter(({ isIssue, pull }) => !isIssue && pull === number)
        .map(comment);
      return all.slice((page - 1) * size, page * size);
    }
    case "POST /merge_requests/N/notes":
      return comment(addComment(forge, number, body.body));
    case "PUT /merge_requests/N/notes/N":
      return edit(forge, note, body.body, comment);
  }
  return null;
}

/** Of a branch; some of a commit's shape where the project has no git. */
function tipOf(forge: FakeForge, branch: string): string {
  try {
    return forge.git("rev-parse", branch);
  } catch {
    return "0".repeat(40);
  }
}

function found(forge: FakeForge, number: number, show: (pull: ForgePull) => unknown): unknown {
  const pull = forge.pulls.find((one) => one.number === number);
  return pull ? show(pull) : null;
}

function addPull(
  forge: FakeForge,
  head = "",
  base = "",
  title = "",
  body = "",
  show: (pull: ForgePull) => unknown,
): unknown {
  const pull: ForgePull = {
    ...{ head, base, title, body, author: 1, state: "open" },
    number: forge.pulls.length + 1,
  };
  forge.pulls.push(pull);
  return show(pull);
}

function addComment(forge: FakeForge, pull: number, body = "", isIssue = false): ForgeComment {
  const comment = { id: forge.comments.length + 1, pull, body, author: 1, isIssue };
  forge.comments.push(comment);
  return comment;
}

function edit(
  forge: FakeForge,
  id: number,
  body: string | undefined,
  show: (comment: ForgeComment) => unknown,
): unknown {
  const comment = forge.comments.find((one) => one.id === id);
  if (!comment) return null;
  comment.body = body ?? "";
  return show(comment);
}

async function readBody(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  return text === "" ? {} : JSON.parse(text);
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function runGit(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("git", ["-C", cwd, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}
