import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { serveGit } from "./git-http.ts";

/**
 * A Gitea or a GitLab on loopback that remembers: repositories over git's own HTTP server program, and
 * the routes for pull requests and comments that Deputy calls. Both want the token. It knows one
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
export type ForgeComment = { id: number; pull: number; body: string; author: number };

export type FakeForge = {
  url: string;
  token: string;
  pulls: ForgePull[];
  comments: ForgeComment[];
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
    send(response, answer === null ? 404 : 200, answer ?? { message: "Not Found" });
  });
  const forge: FakeForge = {
    ...{ url: "", token, pulls: [], comments: [], asked: [], cloneUrl: "", losesAnswer: false },
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
  const show = (pull: ForgePull) => ({
    ...{ number: pull.number, title: pull.title, body: pull.body, user: { id: pull.author } },
    html_url: `${forge.url}${project}/pulls/${pull.number}`,
    state: pull.state === "open" ? "open" : "closed",
    merged: pull.state === "merged",
    draft: /^WIP: /.test(pull.title),
    head: { ref: pull.head, repo_id: pull.isOfFork ? 2 : 1 },
    base: { ref: pull.base, repo_id: 1 },
  });
  const comment = (one: ForgeComment) => ({ id: one.id, body: one.body, user: { id: one.author } });
  switch (`${method} ${rest.replace(/\d+/, "N")}`) {
    case "GET ":
      return { full_name: project, default_branch: "main" };
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
  });
  const comment = (one: ForgeComment) => ({
    id: one.id,
    body: one.body,
    author: { id: one.author },
  });
  switch (`${method} ${rest.replace(/\d+/g, "N")}`) {
    case "GET ":
      return { path_with_namespace: project, default_branch: "main" };
    case "GET /merge_requests":
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
      const all = forge.comments.filter(({ pull }) => pull === number).map(comment);
      return all.slice((page - 1) * size, page * size);
    }
    case "POST /merge_requests/N/notes":
      return comment(addComment(forge, number, body.body));
    case "PUT /merge_requests/N/notes/N":
      return edit(forge, note, body.body, comment);
  }
  return null;
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

function addComment(forge: FakeForge, pull: number, body = ""): ForgeComment {
  const comment = { id: forge.comments.length + 1, pull, body, author: 1 };
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
