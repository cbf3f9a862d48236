import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  type FakeApp,
  findToken,
  type Manifest,
  makeFakeApp,
  mayAsk,
  serveApp,
} from "./fake-github-app.ts";
import { findInArgv, serveGit } from "./git-http.ts";
import { loadGithubContract } from "./github-contract.ts";

/**
 * A small GitHub on loopback that remembers: repositories over git's own HTTP server program, and
 * the part of the REST API that Deputy calls, below `/api/v3` as a GitHub of one's own has it. Both
 * want the token, or one that was given to its App. What comes in is written down; `refusals` answer
 * instead of it. Every request is held against GitHub's own description: `close` rejects with what it
 * says against one.
 */
export type Request = { method: string; path: string; headers: IncomingHttpHeaders; body: string };
export type Answer = { status: number; headers?: Record<string, string>; body?: string };

export type FakePull = {
  number: number;
  title: string;
  head: string;
  base: string;
  draft: boolean;
  body: string;
  state: "open" | "closed";
  merged?: boolean;
  /** As GitHub found out; null: it has not yet. */
  mergeable?: boolean | null;
  /** Whose branch and whose words they are; left out: the repository's own, and the token's account's. */
  from?: string;
  user?: string;
};
/** `issue` is an issue's or a pull request's number; `user` left out: the token's account. */
export type FakeComment = { id: number; issue: number; body: string; user?: string };
/** A delivery to the repository's one webhook, as its log has it. */
export type FakeDelivery = {
  id: number;
  guid: string;
  event: string;
  status: number;
  at: Date;
  payload: object | string;
};
/** What lists of issues have, with what they say of it. */
export type FakeIssue = Record<string, unknown> & { number: number; updated_at: string };
/** On lines of a pull request; `replyTo`: the first comment of its thread. */
export type FakeThreadComment = {
  id: number;
  pull: number;
  review: number;
  path: string;
  line: number;
  body: string;
  replyTo?: number;
  user?: string;
};
/** Of one commit; those of Actions have a log. */
export type FakeCheck = {
  id: number;
  commit: string;
  name: string;
  conclusion: string | null;
  annotations?: { path: string; start_line: number; message: string }[];
  log?: string;
  /** Of those that the App made. */
  by?: string;
  externalId?: string;
  title?: string;
  summary?: string;
  actions?: { label: string; description: string; identifier: string }[];
};
/** Of a commit, the older kind. */
export type FakeStatus = { commit: string; state: string; context: string; description: string };
/** Of the token's account, on a comment. */
export type FakeReaction = { comment: number; content: string };

/** The account that the token belongs to. */
const tokenUser = "deputy-bot";

type Repository = {
  /** Null: the API alone knows it, so no branch is looked up. */
  gitDir: string | null;
  defaultBranch: string;
  pulls: FakePull[];
  comments: FakeComment[];
  reactions: FakeReaction[];
  checks: FakeCheck[];
  statuses: FakeStatus[];
  threads: FakeThreadComment[];
  /** Null: the token may not see the hooks. */
  log: FakeDelivery[] | null;
  issues: FakeIssue[];
  /** Of issues, by their number. */
  labelled: Record<number, { id: number; label: string; by: string; at: string }[]>;
  /** Comments on issues, with their times. */
  said: (Record<string, unknown> & { updated_at: string })[];
  /** Whether the token may write contents, as the API says. */
  mayPush: boolean;
  /** By login; everybody else reads. */
  permissions: Record<string, string>;
};

export type FakeGithub = {
  url: string;
  apiUrl: string;
  /** Where redirects to logs lead; it wants no token. */
  logsUrl: string;
  token: string;
  /** Null: none was made yet. */
  app: FakeApp | null;
  /** Requests to the API, in order. */
  requests: Request[];
  /** The first that does not say null answers the request in place of GitHub. */
  refusals: ((request: Request) => Answer | null)[];
  /** Answers to a request wait for it; null: none does. */
  delay: ((request: Request) => Promise<void> | undefined) | null;
  /** With what logs were asked for. */
  sentToLogs: IncomingHttpHeaders[];
  /** Command lines that held the token while somebody asked for something. */
  seenInArgv: string[];
  /** False: lists of pull requests are not filtered by their branch. */
  knowsFilters: boolean;
  /** Add `owner/name`, with the branches of a checkout where one is given. */
  add(
    name: string,
    options?: { from?: string; defaultBranch?: string; permissions?: Record<string, string> },
  ): Promise<Repository>;
  cloneUrl(name: string): string;
  /** Git in a repository's bare folder. */
  git(name: string, ...args: string[]): string;
  /** What GitHub itself would answer. */
  serve(request: Request): Answer;
  close(): Promise<void>;
};

export async function startFakeGithub(token = "ghp_token_of_the_daemon"): Promise<FakeGithub> {
  const root = await mkdtemp(join(tmpdir(), "deputy-github-"));
  const repositories = new Map<string, Repository>();
  const contract = loadGithubContract();
  const breaches: string[] = [];
  const isGit = ({ headers, url = "" }: IncomingMessage) => {
    const [, basic = ""] = /^Basic (\S+)$/.exec(headers.authorization ?? "") ?? [];
    const [, secret = ""] =
      /^x-access-token:(.+)$/.exec(Buffer.from(basic, "base64").toString()) ?? [];
    if (secret === token) return true;
    const [, name = ""] = /^\/([^/]+\/[^/]+?)\.git\//.exec(url) ?? [];
    const given = findToken(github.app, secret);
    const wants = /git-receive-pack/.test(url) ? ["write"] : ["read", "write"];
    const isItsOwn = given?.repositories.includes(name) === true;
    return isItsOwn && wants.includes(given.permissions.contents ?? "");
  };

  const server = createServer((request, response) => {
    const [, ofLog, logId] = /^\/logs\/([^/]+\/[^/]+)\/(\d+)$/.exec(request.url ?? "") ?? [];
    const logged = repositories.get(ofLog ?? "")?.checks.find(({ id }) => id === Number(logId));
    if (logged) {
      github.sentToLogs.push(request.headers);
      response.writeHead(200, { "content-type": "text/plain" }).end(logged.log ?? "");
      return;
    }
    if (/\/settings\/apps\/new\?/.test(request.url ?? ""))
      return void takeManifest(github, request, response);
    if (!request.url?.startsWith("/api/v3/")) {
      for (const secret of [token, ...(github.app?.tokens ?? []).map(({ token }) => token)])
        github.seenInArgv.push(...findInArgv(secret));
      if (isGit(request)) return serveGit(request, response, root);
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="GitHub"' }).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      const received: Request = {
        method: request.method ?? "",
        path: (request.url ?? "").slice("/api/v3".length),
        headers: request.headers,
        body: Buffer.concat(chunks).toString("utf8"),
      };
      github.requests.push(received);
      const breach = contract.findBreach(received);
      if (breach) breaches.push(breach);
      await github.delay?.(received);
      const { status, headers, body } = answer(received);
      const { app } = github;
      response.sendDate = app?.tellsTime ?? true;
      const date = app && app.clockMs !== 0 && app.tellsTime;
      response
        .writeHead(status, {
          ...headers,
          ...(date && { date: new Date(Date.now() + app.clockMs).toUTCString() }),
        })
        .end(body ?? "");
    });
  });

  const answer = (request: Request): Answer => {
    for (const refuse of github.refusals) {
      const refusal = refuse(request);
      if (refusal) return refusal;
    }
    const { authorization = "" } = request.headers;
    const converted = convertManifest(github, request);
    if (converted) return converted;
    const ofApp = github.app && serveApp(github.app, github.url, request);
    if (ofApp) return ofApp;
    if (authorization === `token ${token}`) return github.serve(request);
    const given = findToken(github.app, authorization.replace(/^token /, ""));
    if (given === null) return json(401, { message: "Bad credentials" });
    const [, name = "", rest = ""] = /^\/repos\/([^/]+\/[^/]+)([^?]*)/.exec(request.path) ?? [];
    if (name !== "" && !mayAsk(given, name, request.method, rest))
      return json(403, { message: "Resource not accessible by integration" });
    if (request.path.startsWith("/installation/repositories"))
      return json(200, { repositories: given.repositories.map((full_name) => ({ full_name })) });
    // It is nobody's account.
    if (name === "" && !request.path.startsWith("/users/"))
      return json(403, { message: "Resource not accessible by integration" });
    return github.serve(request);
  };

  const github: FakeGithub = {
    url: "",
    apiUrl: "",
    logsUrl: "",
    token,
    app: null,
    requests: [],
    refusals: [],
    delay: null,
    seenInArgv: [],
    sentToLogs: [],
    knowsFilters: true,
    add: async (name, { from, defaultBranch = "main", permissions = {} } = {}) => {
      const gitDir = from === undefined ? null : join(root, `${name}.git`);
      if (from !== undefined && gitDir !== null) {
        await mkdir(dirname(gitDir), { recursive: true });
        runGit(root, "clone", "--quiet", "--bare", from, gitDir);
        runGit(gitDir, "config", "http.receivepack", "true");
      }
      const added: Repository = {
        ...{ gitDir, defaultBranch, permissions, mayPush: true },
        ...{ pulls: [], comments: [], reactions: [], checks: [], statuses: [], threads: [] },
        ...{ log: [], issues: [], labelled: {}, said: [] },
      };
      repositories.set(name, added);
      return added;
    },
    cloneUrl: (name) => `${github.url}/${name}.git`,
    git: (name, ...args) => {
      const gitDir = repositories.get(name)?.gitDir;
      if (!gitDir) throw new Error(`${name} has no git repository`);
      return runGit(gitDir, ...args);
    },
    serve: (request) => serveApi(github, repositories, request),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(root, { recursive: true, force: true });
      if (breaches.length > 0) throw new Error(`against GitHub's API: ${breaches.join("; ")}`);
    },
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  github.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  github.apiUrl = `${github.url}/api/v3`;
  // Another host by its name, as a store of logs is.
  github.logsUrl = `${github.url.replace("127.0.0.1", "localhost")}/logs`;
  return github;
}

function serveApi(
  github: FakeGithub,
  repositories: ReadonlyMap<string, Repository>,
  { method, path, body, headers }: Request,
): Answer {
  const { pathname, searchParams } = new URL(path, "http://github.test");
  const me = writerOf(github, headers);
  if (method === "GET" && pathname === "/user") return json(200, showUser());
  const [, username] = /^\/users\/([^/]+)$/.exec(pathname) ?? [];
  if (username !== undefined) return json(200, showUser(decodeURIComponent(username)));
  const [, name = "", rest = ""] = /^\/repos\/([^/]+\/[^/]+)(\/.*)?$/.exec(pathname) ?? [];
  const repository = repositories.get(name);
  if (!repository) return notFound;
  const data = body === "" ? {} : JSON.parse(body);
  const id = Number(/\d+/.exec(rest)?.[0]);
  const showPull = (pull: FakePull) => ({
    merged: false,
    ...pull,
    html_url: `${github.url}/${name}/pull/${pull.number}`,
    head: {
      ref: pull.head,
      sha: tipOf(repository, pull.head),
      repo: { full_name: pull.from ?? name, id: 1 },
    },
    user: showUser(pull.user),
    base: { ref: pull.base, sha: tipOf(repository, pull.base) },
  });
  const showComment = ({ issue, ...comment }: FakeComment) => ({
    ...comment,
    user: showUser(comment.user),
    html_url: `${github.url}/${name}/issues/${issue}#issuecomment-${comment.id}`,
  });
  switch (`${method} ${rest.replace(/\d+/, "N")}`) {
    case "GET ":
      return json(200, {
        ...{ id: 1, full_name: name, default_branch: repository.defaultBranch },
        owner: showUser(name.split("/")[0]),
        permissions: { push: repository.mayPush },
      });
    case "GET /issues":
      return showSince(repository.issues, searchParams, headers);
    case "GET /issues/comments":
      return showSince(repository.said, searchParams, headers);
    case "GET /issues/N": {
      const issue = repository.issues.find(({ number }) => number === id);
      return issue ? json(200, issue) : notFound;
    }
    case "GET /issues/N/events":
      return json(
        200,
        (repository.labelled[id] ?? []).map(({ at, by, id, label }) => ({
          ...{ id, event: "labeled", created_at: at, actor: showUser(by), label: { name: label } },
        })),
      );
    case "GET /hooks":
      return repository.log === null
        ? json(403, { message: "Resource not accessible" })
        : json(200, [{ id: 1, active: true, config: { url: "https://deputy.test/hooks/github" } }]);
    case "GET /hooks/N/deliveries":
      return json(
        200,
        (repository.log ?? [])
          .toSorted((a, b) => b.at.getTime() - a.at.getTime())
          .map(({ at, event, guid, id, status }) => ({
            ...{ id, guid, event, status_code: status, delivered_at: at.toISOString() },
          })),
      );
    case "GET /pulls": {
      const [owner] = name.split("/");
      const found = repository.pulls.filter(
        ({ from = name, head, state }) =>
          state === "open" &&
          (github.knowsFilters === false ||
            (from === name && `${owner}:${head}` === (searchParams.get("head") ?? ""))),
      );
      return json(200, found.map(showPull));
    }
    case "GET /pulls/N": {
      const pull = repository.pulls.find(({ number }) => number === id);
      return pull ? json(200, showPull(pull)) : notFound;
    }
    case "POST /issues/comments/N/reactions": {
      const { reactions } = repository;
      const isThere = reactions.some((one) => one.comment === id && one.content === data.content);
      if (!isThere) reactions.push({ comment: id, content: data.content });
      return json(isThere ? 200 : 201, { id: 1, content: data.content });
    }
    case "GET /pulls/N/comments":
      return json(
        200,
        repository.threads
          .filter(({ pull }) => pull === id)
          .map(({ id, path, line, body, replyTo, review, user }) => ({
            ...{ id, path, line, body, diff_hunk: "@@ -1 +1 @@", in_reply_to_id: replyTo },
            ...{ pull_request_review_id: review, user: showUser(user), html_url: `${name}/${id}` },
          })),
      );
    case "POST /pulls": {
      const problem = whyNoPull(repository, data);
      if (problem) return json(422, { message: "Validation Failed", errors: [problem] });
      const number = numberAfter(repository);
      const pull: FakePull = { ...data, number, state: "open", user: me };
      repository.pulls.push(pull);
      return json(201, showPull(pull));
    }
    case "PATCH /pulls/N": {
      const pull = repository.pulls.find(({ number }) => number === id);
      if (!pull) return notFound;
      Object.assign(pull, data);
      return json(200, showPull(pull));
    }
    case "GET /issues/N/comments": {
      const page = Number(searchParams.get("page") ?? 1);
      const comments = repository.comments.filter(({ issue }) => issue === id);
      const next = new URL(`${github.apiUrl}${path}`);
      next.searchParams.set("page", String(page + 1));
      return json(
        200,
        comments.slice((page - 1) * 100, page * 100).map(showComment),
        comments.length > page * 100 ? { link: `<${next.href}>; rel="next"` } : {},
      );
    }
    case "POST /issues/N/comments": {
      const comment = {
        id: repository.comments.length + 1,
        issue: id,
        body: String(data.body),
        user: me,
      };
      repository.comments.push(comment);
      return json(201, showComment(comment));
    }
    case "PATCH /issues/comments/N": {
      const comment = repository.comments.find((candidate) => candidate.id === id);
      if (!comment) return notFound;
      comment.body = data.body;
      return json(200, showComment(comment));
    }
  }
  const [, logged] = /^\/hooks\/1\/deliveries\/(\d+)$/.exec(rest) ?? [];
  const sent = repository.log?.find((one) => one.id === Number(logged));
  if (method === "GET" && sent) return json(200, { request: { payload: sent.payload } });
  const [, pull, root] = /^\/pulls\/(\d+)\/comments\/(\d+)\/replies$/.exec(rest) ?? [];
  const first = repository.threads.find((one) => one.id === Number(root));
  if (method === "POST" && first) {
    const reply = { ...first, id: repository.threads.length + 100, pull: Number(pull), review: 0 };
    repository.threads.push({ ...reply, body: data.body, replyTo: first.id, user: me });
    return json(201, { id: reply.id });
  }
  const [, commit] = /^\/commits\/(\w+)\/check-runs$/.exec(rest) ?? [];
  if (method === "GET" && commit !== undefined) {
    const found = repository.checks.filter((check) => check.commit === commit);
    const check_runs = found.map(showCheck);
    return json(200, { total_count: found.length, check_runs });
  }
  const [, checkId, part] =
    /^\/(?:check-runs|actions\/jobs)\/(\d+)\/(annotations|logs)$/.exec(rest) ?? [];
  const check = repository.checks.find((one) => one.id === Number(checkId));
  if (method === "GET" && check && part === "annotations")
    return json(200, check.annotations ?? []);
  // As GitHub: the log is elsewhere.
  if (method === "GET" && check && part === "logs")
    return { status: 302, headers: { location: `${github.logsUrl}/${name}/${check.id}` } };
  const [, of] = /^\/statuses\/(\w+)$/.exec(rest) ?? [];
  if (method === "POST" && of !== undefined) {
    const { context, description, state } = data;
    repository.statuses.push({ commit: of, context, description, state });
    return json(201, { id: repository.statuses.length });
  }
  const [, patched] = /^\/check-runs(?:\/(\d+))?$/.exec(rest) ?? [];
  if (rest === "/check-runs" || patched !== undefined)
    return takeCheck(repository, me, method, patched, data);
  const [, login] = /^\/collaborators\/([^/]+)\/permission$/.exec(rest) ?? [];
  if (method === "GET" && login !== undefined) {
    return json(200, {
      permission: repository.permissions[login] ?? "read",
      user: showUser(login),
    });
  }
  return notFound;
}

/** What GitHub checks before it opens a pull request, as far as a wrong one could come from us. */
function whyNoPull(
  { gitDir, pulls }: Repository,
  { head, base }: { head: string; base: string },
): { message: string } | null {
  if (pulls.some((pull) => pull.state === "open" && !pull.from && pull.head === head)) {
    return { message: `A pull request already exists for ${head}.` };
  }
  if (gitDir === null) return null;
  const has = (branch: string) =>
    spawnSync("git", ["-C", gitDir, "show-ref", "--quiet", `refs/heads/${branch}`]).status === 0;
  if (!has(head)) return { message: "head is invalid" };
  if (!has(base)) return { message: "base is invalid" };
  const commits = runGit(gitDir, "rev-list", "--count", `refs/heads/${base}..refs/heads/${head}`);
  return commits === "0" ? { message: `No commits between ${base} and ${head}` } : null;
}

/** Null where the API alone knows the repository, or the branch is gone. */
function tipOf({ gitDir }: Repository, branch: string): string | null {
  if (gitDir === null) return null;
  const ref = `refs/heads/${branch}`;
  const { status, stdout } = spawnSync("git", ["-C", gitDir, "rev-parse", "--verify", ref]);
  return status === 0 ? stdout.toString().trim() : null;
}

/** A list from a time on, with a tag by which it is known again. */
function showSince(
  all: readonly { updated_at: string }[],
  searchParams: URLSearchParams,
  headers: IncomingHttpHeaders,
): Answer {
  const since = searchParams.get("since");
  const found = all
    .filter(({ updated_at }) => since === null || new Date(updated_at) >= new Date(since))
    .toSorted((a, b) => a.updated_at.localeCompare(b.updated_at));
  const etag = `"${createHash("sha256").update(JSON.stringify(found)).digest("hex")}"`;
  const page = Number(searchParams.get("page") ?? 1);
  return headers["if-none-match"] === etag
    ? { status: 304 }
    : json(200, found.slice((page - 1) * 100, page * 100), { etag });
}

/** Every login has an id of its own, derived from it. */
export function fakeUserId(login: string): number {
  return Number.parseInt(createHash("sha256").update(login).digest("hex").slice(0, 8), 16);
}

function showUser(login = tokenUser) {
  return { login, id: fakeUserId(login), type: login.endsWith("[bot]") ? "Bot" : "User" };
}

/** Whoever the token of a request writes as. */
function writerOf({ app }: FakeGithub, { authorization = "" }: IncomingHttpHeaders): string {
  const isApp = app !== null && findToken(app, authorization.replace(/^token /, "")) !== null;
  return isApp ? `${app.slug}[bot]` : tokenUser;
}

function showCheck(check: FakeCheck) {
  const { annotations, by, conclusion, externalId, id, log, name, summary, title } = check;
  return {
    ...{ id, name, conclusion, status: conclusion === null ? "in_progress" : "completed" },
    external_id: externalId ?? "",
    output: {
      ...{ title: title ?? null, summary: summary ?? null, text: null },
      annotations_count: annotations?.length ?? 0,
    },
    app: {
      slug: by?.replace(/\[bot\]$/, "") ?? (log === undefined ? "another" : "github-actions"),
    },
  };
}

/** Only an App may report checks, within GitHub's limits. */
function takeCheck(
  { checks, gitDir }: Repository,
  by: string,
  method: string,
  id: string | undefined,
  data: Record<string, never> & { head_sha?: string; name?: string; external_id?: string },
): Answer {
  if (!by.endsWith("[bot]"))
    return json(403, { message: "You must authenticate via a GitHub App." });
  const {
    actions = [],
    conclusion = null,
    output = {},
  } = data as {
    actions?: NonNullable<FakeCheck["actions"]>;
    conclusion?: string | null;
    output?: { title?: string; summary?: string; annotations?: FakeCheck["annotations"] };
  };
  const isTooMuch =
    (output.annotations?.length ?? 0) > 50 ||
    (output.summary?.length ?? 0) > 65_535 ||
    actions.length > 3 ||
    actions.some(
      ({ description, identifier, label }) =>
        label.length > 20 || description.length > 40 || identifier.length > 20,
    );
  if (isTooMuch) return json(422, { message: "Invalid request. Too much." });
  const set = { actions, conclusion, title: output.title ?? "", summary: output.summary ?? "" };
  if (method === "PATCH") {
    const check = checks.find((one) => one.id === Number(id));
    if (!check) return notFound;
    const annotations = [...(check.annotations ?? []), ...(output.annotations ?? [])];
    return json(200, showCheck(Object.assign(check, set, { annotations })));
  }
  const { external_id: externalId = "", head_sha: commit = "", name = "" } = data;
  if (gitDir && spawnSync("git", ["-C", gitDir, "cat-file", "-e", `${commit}^{commit}`]).status)
    return json(422, { message: `No commit found for SHA: ${commit}` });
  const annotations = output.annotations ?? [];
  const made = { id: checks.length + 1, commit, name, by, externalId, ...set, annotations };
  checks.push(made);
  return json(201, showCheck(made));
}

/** The page on which a person makes an App of a manifest: they agree at once. */
async function takeManifest(
  github: FakeGithub,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let body = "";
  for await (const chunk of request) body += chunk;
  const manifest = JSON.parse(new URLSearchParams(body).get("manifest") ?? "{}") as Manifest;
  const made = makeFakeApp();
  made.rights = manifest.default_permissions;
  made.manifest = manifest;
  made.hookUrl = manifest.hook_attributes.url;
  github.app = made;
  const back = new URL(manifest.redirect_url);
  back.searchParams.set("code", manifestCode);
  const { searchParams } = new URL(request.url ?? "", github.url);
  back.searchParams.set("state", searchParams.get("state") ?? "");
  response.writeHead(302, { location: back.href }).end();
}

const manifestCode = "a1b2c3d4";

/** Each code once, and nobody has to show who they are. */
function convertManifest(github: FakeGithub, { method, path }: Request): Answer | null {
  const [, code] = /^\/app-manifests\/([^/]+)\/conversions$/.exec(path) ?? [];
  if (method !== "POST" || code === undefined) return null;
  const { app } = github;
  if (code !== manifestCode || !app) return notFound;
  return json(201, {
    ...{ id: app.id, slug: app.slug, pem: app.privateKey, name: app.slug },
    ...{ client_id: "Iv1.4711", client_secret: "c".repeat(40), webhook_secret: app.webhookSecret },
    html_url: `${github.url}/github-apps/${app.slug}`,
    ...{ owner: { login: "acme" }, permissions: app.manifest?.default_permissions, events: [] },
  });
}

/** Issues and pull requests are counted together. */
function numberAfter({ pulls, comments }: Repository): number {
  return (
    Math.max(0, ...pulls.map(({ number }) => number), ...comments.map(({ issue }) => issue)) + 1
  );
}

function json(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(value),
  };
}

const notFound = json(404, { message: "Not Found" });

function runGit(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("git", ["-C", cwd, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}
