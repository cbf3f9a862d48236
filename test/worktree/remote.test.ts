import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addWorktree } from "../../src/worktree/checkout/worktree.ts";
import { snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { ensureMirror, openMirrors, resolveBase } from "../../src/worktree/mirror/mirror.ts";
import { parseRepository } from "../../src/worktree/mirror/repository-url.ts";
import {
  branchTip,
  deleteBranch,
  publishBranch,
  requirePushable,
} from "../../src/worktree/publish/publish.ts";
import { findInArgv, hasGitHttpBackend, serveGit } from "../support/git-http.ts";
import { commit, git, makeFolder, makeRepository, write } from "./repositories.ts";

/** A real remote: git's own HTTP server program behind a small gateway that asks for a token. */
const authHeader = "Authorization: Bearer canary-token";
const seenInArgv: string[] = [];
/** What a push is refused with; null: it is taken. */
let denial: string | null = null;
let server: Server;
let source: string;
let url: string;

beforeAll(async () => {
  source = makeRepository();
  const bare = join(makeFolder(), "app.git");
  git(source, "clone", "--quiet", "--bare", source, bare);
  git(bare, "config", "http.receivepack", "true");
  git(source, "remote", "add", "origin", bare);
  server = createServer((request, response) => answer(request, response, dirname(bare)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/app.git`;
});
afterAll(() => server.close());

function answer(request: IncomingMessage, response: ServerResponse, root: string): void {
  seenInArgv.push(...findInArgv("canary-token"));
  if (request.headers.authorization !== "Bearer canary-token") {
    response.writeHead(401, { "WWW-Authenticate": 'Basic realm="git"' }).end();
    return;
  }
  if (denial !== null && request.url?.includes("git-receive-pack")) {
    response.writeHead(403, { "content-type": "text/plain" }).end(denial);
    return;
  }
  serveGit(request, response, root);
}

test.skipIf(!hasGitHttpBackend)(
  "the whole way over HTTP with a token, which is in no argv",
  async () => {
    const repository = parseRepository(url);
    const home = makeFolder();
    const fetch = () =>
      ensureMirror(openMirrors(join(home, "mirrors")), repository, { authHeader });
    const mirror = await fetch();
    const { commit: base, ref } = await resolveBase(mirror, null);
    expect([base, ref]).toEqual([git(source, "rev-parse", "main"), "main"]);
    const path = join(home, "trees", "sub_one");
    await addWorktree(mirror, path, base);
    write(path, { "work.txt": "w" });
    const { commit: done } = await snapshotWorktree(mirror, path, {
      parent: base,
      message: "Work",
    });
    const branch = "deputy/work";
    const what = { branch, commit: done, authHeader };
    expect(await branchTip(repository, branch, { authHeader })).toBeNull();
    expect(await publishBranch(mirror, repository, what)).toBe("pushed");
    expect(await publishBranch(mirror, repository, what)).toBe("existed");
    expect(await branchTip(repository, branch, { authHeader })).toBe(done);
    await expect(deleteBranch(repository, branch, base, { authHeader })).rejects.toThrow(
      /has moved/,
    );
    expect(await deleteBranch(repository, branch, done, { authHeader })).toBe(true);
    expect(await branchTip(repository, branch, { authHeader })).toBeNull();
    commit(source, { "x.txt": "x" }, "Second");
    git(source, "push", "--quiet", "origin", "main");
    expect((await resolveBase(await fetch(), "main")).commit).toBe(
      git(source, "rev-parse", "main"),
    );
    expect(seenInArgv).toEqual([]);
  },
);

test("a missing token, and a repository that is not there, are said in a sentence", async () => {
  const root = join(makeFolder(), "mirrors");
  const noToken = ensureMirror(openMirrors(root), parseRepository(url));
  await expect(noToken).rejects.toMatchObject({
    code: "unprocessable",
    field: "repository",
    message: expect.stringMatching(/refused our credentials/),
  });
  const absent = parseRepository(url.replace("app.git", "none.git"));
  await expect(ensureMirror(openMirrors(root), absent, { authHeader })).rejects.toMatchObject({
    code: "unprocessable",
    message: expect.stringMatching(/no such repository/),
  });
});

test.skipIf(!hasGitHttpBackend)(
  "a remote that takes no push says so before there is work",
  async () => {
    const repository = parseRepository(url);
    const home = makeFolder();
    const mirror = await ensureMirror(openMirrors(join(home, "mirrors")), repository, {
      authHeader,
    });
    const base = (await resolveBase(mirror, null)).commit;
    await requirePushable(mirror, repository, { commit: base, authHeader });
    expect(await branchTip(repository, "deputy/probe", { authHeader })).toBeNull();
    const bare = git(source, "remote", "get-url", "origin");
    git(bare, "config", "http.receivepack", "false");
    const refused = requirePushable(mirror, repository, { commit: base, authHeader });
    await expect(refused).rejects.toMatchObject({
      code: "unprocessable",
      message: expect.stringMatching(/or in GITHUB_TOKEN: give that the right to/),
    });
    git(bare, "config", "http.receivepack", "true");
    denial = "Permission to acme/app.git denied to deputy-bot.\n";
    await expect(requirePushable(mirror, repository, { commit: base, authHeader })).rejects.toThrow(
      /GITHUB_TOKEN; remote: Permission to acme\/app\.git denied to deputy-bot\.: give that the right to/,
    );
    denial = null;
    const hook = (said: string) => {
      write(bare, { "hooks/pre-receive": `#!/bin/sh\necho "${said}"\nexit 1\n` });
      chmodSync(join(bare, "hooks/pre-receive"), 0o755);
      const work = commit(source, { "y.txt": said }, said);
      git(source, "push", "--quiet", mirror.gitDir, `${work}:refs/heads/pushed`);
      const what = { branch: "deputy/refused", commit: work, authHeader };
      return publishBranch(mirror, repository, what);
    };
    await expect(hook("error: GH013: Repository rule violations")).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringMatching(
        /pre-receive hook declined\)\); remote: error: GH013: Repository rule violations: mend/,
      ),
    });
    const scope =
      "refusing to allow a Personal Access Token to update workflow without \\`workflow\\` scope";
    await expect(hook(scope)).rejects.toThrow(/give it the right to change workflows/);
    rmSync(join(bare, "hooks/pre-receive"));
    git(bare, "branch", "deputy", "main");
    await ensureMirror(openMirrors(join(home, "mirrors")), repository, { authHeader });
    await expect(requirePushable(mirror, repository, { commit: base, authHeader })).rejects.toThrow(
      /has a branch called "deputy"/,
    );
  },
);
