import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkRepository, parseRepository } from "../../src/worktree/mirror/repository-url.ts";
import { commit, git, makeFolder, makeRepository } from "./repositories.ts";

const check = (path: string, base?: string) => checkRepository(parseRepository(path), base ?? null);

test.each([
  ["/srv/code/app", "local", "/srv/code/app", "app"],
  ["/srv/code/app.git/", "local", "/srv/code/app.git", "app"],
  ["file:///srv/my%20code", "local", "/srv/my code", "my-code"],
  ["https://example.com/acme/app.git", "remote", "https://example.com/acme/app.git", "app"],
  ["ssh://git@example.com:22/acme/app", "remote", "ssh://git@example.com:22/acme/app", "app"],
  ["git@example.com:acme/app.git", "remote", "git@example.com:acme/app.git", "app"],
  ["http://127.0.0.1:3000/app", "remote", "http://127.0.0.1:3000/app", "app"],
])("%s is a %s repository", (text, kind, url, name) => {
  expect(parseRepository(text)).toMatchObject({ kind, url, name });
  expect(parseRepository(text).key).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*-[0-9a-f]{16}$/);
});

test.each([
  "",
  "relative/path",
  "../up",
  "~/app",
  "-uupload-pack",
  "--upload-pack=touch /tmp/x",
  "ext::sh -c touch% /tmp/x",
  "fd::17",
  "git://example.com/app",
  "http://example.com/app",
  "https://user:secret@example.com/app",
  "https://token@example.com/app",
  "https://example.com",
  "ssh://-oProxyCommand=touch/app",
  "git@-oProxyCommand=x:app",
  "git@example.com:-app",
  "file://other.host/app",
  "/app\n--upload-pack=x",
  "/app\0",
  "/tab\there",
])("%j is refused with the field named, and never with a secret repeated", (text) => {
  expect(() => parseRepository(text)).toThrow(
    expect.objectContaining({ code: "invalid_input", field: "repository" }),
  );
  expect(() => parseRepository(text)).not.toThrow(/secret/);
});

test("a checkout, a folder in it and a linked worktree are found with their own HEAD", async () => {
  const path = makeRepository();
  const first = git(path, "rev-parse", "HEAD");
  expect(await check(path)).toEqual({ topLevel: path, headRef: "main", baseCommit: first });
  expect(await check(join(path, "src/deep"))).toMatchObject({ topLevel: path });
  const linked = join(makeFolder(), "linked");
  git(path, "worktree", "add", "--quiet", "-b", "side", linked);
  const second = commit(linked, { "x.txt": "x" }, "Second");
  expect(await check(linked)).toEqual({ topLevel: linked, headRef: "side", baseCommit: second });
  expect(await check(path)).toMatchObject({ baseCommit: first });
});

test("a bare repository and a detached HEAD are fine", async () => {
  const path = makeRepository();
  const bare = join(makeFolder(), "bare.git");
  git(path, "clone", "--quiet", "--bare", path, bare);
  const head = git(path, "rev-parse", "HEAD");
  expect(await check(bare)).toEqual({ topLevel: bare, headRef: "main", baseCommit: head });
  git(path, "checkout", "--quiet", "--detach");
  expect(await check(path)).toEqual({ topLevel: path, headRef: null, baseCommit: head });
});

test("a base may be a branch, a tag, a full or a short commit", async () => {
  const path = makeRepository();
  const first = git(path, "rev-parse", "HEAD");
  git(path, "tag", "-a", "v1", "-m", "v1");
  commit(path, { "x.txt": "x" }, "Second");
  for (const base of ["v1", first, first.slice(0, 8)]) {
    expect(await check(path, base)).toMatchObject({ baseCommit: first });
  }
  for (const base of ["gone", "-x", "main^", "main@{1}", "a..b", ":/First", ""]) {
    await expect(check(path, base)).rejects.toMatchObject({ code: "unprocessable", field: "base" });
  }
});

test("what is no usable repository is said in one sentence", async () => {
  const folder = makeFolder();
  writeFileSync(join(folder, "file"), "");
  mkdirSync(join(folder, "empty"));
  git(folder, "init", "--quiet", "unborn");
  const cases: [string, RegExp][] = [
    [join(folder, "missing"), /does not exist/],
    [join(folder, "file"), /is a file/],
    [join(folder, "empty"), /not a git repository/],
    [join(folder, "unborn"), /has no commit to start from/],
    [join(folder, "unborn/.git"), /inside a git directory/],
  ];
  for (const [path, message] of cases) {
    await expect(check(path)).rejects.toMatchObject({
      code: "unprocessable",
      field: "repository",
      message: expect.stringMatching(message),
    });
  }
});
