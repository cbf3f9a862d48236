import { execFileSync } from "node:child_process";
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createEmulator } from "emulate";
import type { Json } from "./deputy.ts";
import { serveGit } from "./git-http.ts";
import { loadGithubContract } from "./github-contract.ts";

/**
 * A GitHub that others wrote (the npm package `emulate`), with issues, pull requests, checks and
 * signed webhooks, beside git's own HTTP server program, which it lacks. A proxy in front of it joins
 * the two: a pull request's commits are those of the branches that git has, reactions are taken, and
 * every delivery has a name that no earlier run had. Requests of the daemon are held against
 * GitHub's own description.
 */
export type EmulatedGithub = {
  url: string;
  apiUrl: string;
  /** The API as somebody else sees it; a refusal is thrown. */
  as(login: "ada" | "ci", method: string, path: string, body?: object): Promise<Json>;
  git(...args: string[]): string;
  /** The repository gets the branches of this checkout. */
  fill(checkout: string): void;
  close(): Promise<void>;
};

type Options = {
  /** `ada/…`. */
  name: string;
  /** Of the daemon's account, deputy-bot. */
  token: string;
  secret: string;
  /** Where the daemon takes webhooks. */
  hookUrl: () => string;
};

const tokens = { ada: "ghp_token_of_ada", ci: "ghp_token_of_ci" };

export async function startEmulatedGithub(options: Options): Promise<EmulatedGithub> {
  const root = await mkdtemp(join(tmpdir(), "deputy-emulated-"));
  const bare = join(root, `${options.name}.git`);
  await mkdir(dirname(bare), { recursive: true });
  execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", bare]);
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", bare, ...args], { encoding: "utf8" }).trim();
  git("config", "http.receivepack", "true");

  const [owner = "", repository = ""] = options.name.split("/");
  const emulator = await createEmulator({
    service: "github",
    port: 0,
    seed: {
      tokens: {
        [options.token]: { login: "deputy-bot", scopes: ["repo", "user"] },
        [tokens.ada]: { login: "ada", scopes: ["repo", "user", "admin:repo_hook"] },
        [tokens.ci]: { login: "ci", scopes: ["repo", "user"] },
      },
      github: {
        users: [{ login: "ada" }, { login: "deputy-bot" }, { login: "ci" }],
        repos: [{ owner, name: repository, default_branch: "main" }],
      },
    },
  });

  const run = randomUUID();
  const contract = loadGithubContract();
  const breaches: string[] = [];
  /** The emulator lists the checks of its own commits alone. */
  const checks: { id: number; commit: string }[] = [];
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? "/";
    if (path === "/deliver") return forward(request, response);
    if (!path.startsWith("/api/v3/")) return serveGitTo(request, response);
    const api = path.slice("/api/v3".length);
    const body = await readAll(request);
    const breach = contract.findBreach({ method: request.method ?? "", path: api, body });
    if (breach) breaches.push(breach);
    if (api.endsWith("/reactions"))
      return void response.writeHead(201, { "content-type": "application/json" }).end('{"id":1}');
    const { authorization = "", accept = "" } = request.headers;
    const [, commit] = /\/commits\/(\w+)\/check-runs\?/.exec(api) ?? [];
    if (commit) {
      const found = checks.filter((check) => check.commit === commit);
      const check_runs = await Promise.all(
        found.map(({ id }) => as("ci", "GET", `/repos/${options.name}/check-runs/${id}`)),
      );
      response.writeHead(200, { "content-type": "application/json" });
      return void response.end(JSON.stringify({ total_count: check_runs.length, check_runs }));
    }
    const answered = await fetch(`${emulator.url}${api}`, {
      method: request.method ?? "GET",
      headers: { authorization, accept, "content-type": "application/json" },
      ...(body === "" ? {} : { body }),
    });
    const text = await answered.text();
    response.writeHead(answered.status, { "content-type": "application/json" });
    const shown = withCommits(text === "" ? null : JSON.parse(text));
    // GitHub's list of annotations is a plain list.
    response.end(JSON.stringify(api.includes("/annotations") ? shown.check_annotations : shown));
  };

  const serveGitTo = (request: IncomingMessage, response: ServerResponse) => {
    const basic = Buffer.from(`x-access-token:${options.token}`).toString("base64");
    if (request.headers.authorization === `Basic ${basic}`) serveGit(request, response, root);
    else response.writeHead(401, { "WWW-Authenticate": 'Basic realm="GitHub"' }).end();
  };

  /** What the emulator sent and signed, to the daemon, signed anew over what git has. */
  const forward = async (request: IncomingMessage, response: ServerResponse) => {
    const sent = await readAll(request);
    const signature = String(request.headers["x-hub-signature-256"]);
    if (!isEqual(signature, sign(options.secret, sent)))
      return void response.writeHead(401).end("the emulator signed this wrongly");
    const body = JSON.stringify(withCommits(JSON.parse(sent)));
    const answered = await fetch(options.hookUrl(), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-github-event": String(request.headers["x-github-event"]),
        "x-github-delivery": `${run}-${request.headers["x-github-delivery"]}`,
        "x-hub-signature-256": sign(options.secret, body),
      },
      body,
    });
    response.writeHead(answered.status).end(await answered.text());
  };

  /** The emulator made up the commits of branches: git says what they are. */
  const withCommits = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(withCommits);
    if (typeof value !== "object" || value === null) return value;
    const shown = Object.fromEntries(
      Object.entries(value).map(([name, part]) => [name, withCommits(part)]),
    );
    if (typeof shown.ref === "string" && "sha" in shown && "repo" in shown)
      return { ...shown, sha: tipOf(shown.ref) ?? shown.sha };
    if ("head_branch" in shown && typeof shown.head_sha === "string")
      return { ...shown, head_branch: branchAt(shown.head_sha) };
    return shown;
  };
  const refs = () =>
    git("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads")
      .split("\n")
      .map((line) => line.split(" ") as [commit: string, branch: string]);
  const tipOf = (name: string) => refs().find(([, branch]) => branch === name)?.[0] ?? null;
  const branchAt = (sha: string) => refs().find(([commit]) => commit === sha)?.[1] ?? null;

  const as: EmulatedGithub["as"] = async (login, method, path, body) => {
    const answered = await fetch(`${emulator.url}${path}`, {
      method,
      headers: { authorization: `token ${tokens[login]}`, "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answered.text();
    if (!answered.ok) throw new Error(`${method} ${path}: ${answered.status} ${text}`);
    const result = withCommits(text === "" ? null : JSON.parse(text));
    if (method === "POST" && path.endsWith("/check-runs"))
      checks.push({ id: result.id, commit: result.head_sha });
    return result;
  };

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const login of ["deputy-bot", "ci"])
    await as("ada", "PUT", `/repos/${options.name}/collaborators/${login}`, { permission: "push" });
  await as("ada", "POST", `/repos/${options.name}/hooks`, {
    name: "web",
    events: ["*"],
    config: { url: `${url}/deliver`, content_type: "json", secret: options.secret },
  });
  return {
    url,
    apiUrl: `${url}/api/v3`,
    as,
    git,
    fill: (checkout) => void git("fetch", "--quiet", checkout, "refs/heads/*:refs/heads/*"),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await emulator.close();
      await rm(root, { recursive: true, force: true });
      if (breaches.length > 0) throw new Error(`against GitHub's API: ${breaches.join("; ")}`);
    },
  };
}

const sign = (secret: string, body: string) =>
  `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;

const isEqual = (one: string, other: string) =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
