import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DeputyError } from "../../src/core/base/error.ts";
import { makeRedact } from "../../src/core/text/redact.ts";
import { openGithub } from "../../src/delivery/github/access/github-access.ts";
import type { Forge } from "../../src/delivery/github/forge.ts";
import { makeForge } from "../../src/delivery/github/github.ts";
import {
  parseGithubRepository,
  parseGithubTarget,
  requirePullRequests,
} from "../../src/delivery/github/github-repository.ts";
import {
  type Answer,
  type FakeGithub,
  fakeUserId,
  startFakeGithub,
} from "../support/fake-github.ts";

const token = "ghp_token_of_the_daemon";
let github: FakeGithub;
let forge: Forge;
let app: Awaited<ReturnType<FakeGithub["add"]>>;

beforeEach(async () => {
  github = await startFakeGithub(token);
  app = await github.add("acme/app", { defaultBranch: "trunk" });
  const config = { token, app: null, apiUrl: `${github.apiUrl}/`, patient: false };
  const redact = makeRedact([token, "hunter22"]);
  const made = makeForge(openGithub(config, redact), redact);
  if (!made) throw new Error("a token makes a forge");
  forge = made;
});
afterEach(() => github.close());

const writes = () => github.requests.filter(({ method }) => method !== "GET");
const pull = {
  repositoryUrl: "https://github.com/acme/app.git",
  head: "deputy/fix-it",
  base: "main",
  title: "Fix it",
  body: "The receipt.",
  taskId: "task_1",
  known: null,
};

describe("pull requests", () => {
  test("a draft is opened from the branch, with the receipt", async () => {
    expect(await forge.openDraftPullRequest(pull)).toEqual({
      url: `${github.url}/acme/app/pull/1`,
      number: 1,
      adopted: false,
    });
    expect(app.pulls).toMatchObject([
      {
        title: "Fix it",
        head: "deputy/fix-it",
        base: "main",
        draft: true,
        body: expect.stringMatching(
          /^<!-- deputy:task_1 written:\w{16}\.\w{16} -->\nThe receipt\.$/,
        ),
      },
    ]);
  });

  test("a title that is cut in the middle of an emoji is still a text", async () => {
    await forge.openDraftPullRequest({ ...pull, title: `${"a".repeat(249)}😀`, body: "\ud83d" });
    expect(app.pulls).toMatchObject([{ title: "a".repeat(249) }]);
    await forge.openDraftPullRequest({ ...pull, head: "x", title: `cut before: \ud83d` });
    expect(app.pulls[1]).toMatchObject({ title: "cut before: " });
  });

  test("the second time the open one is adopted, with the new receipt", async () => {
    await forge.openDraftPullRequest(pull);
    const again = await forge.openDraftPullRequest({ ...pull, body: "Newer." });
    expect(again).toMatchObject({ number: 1, adopted: true });
    expect(app.pulls).toMatchObject([{ body: expect.stringMatching(/ -->\nNewer\.$/) }]);
    expect(app.comments).toEqual([]);
  });

  test("a title that a person changed stays, and so does a text, beside which a comment has what is new", async () => {
    await forge.openDraftPullRequest(pull);
    const [opened] = app.pulls;
    if (!opened) throw new Error("there is no pull request");
    opened.title = "Mine";
    await forge.openDraftPullRequest({ ...pull, title: "Fix it well", body: "Newer." });
    expect(opened).toMatchObject({ title: "Mine", body: expect.stringMatching(/Newer\.$/) });
    // As GitHub's form sends it.
    opened.body = `${opened.body}\n\nFixes it for Ada.`.replaceAll("\n", "\r\n");
    const { body } = opened;
    for (const text of ["Newest.", "Newest of all."])
      await forge.openDraftPullRequest({ ...pull, title: "Fix it well", body: text });
    expect(opened).toMatchObject({ title: "Mine", body });
    expect(app.comments).toMatchObject([
      { issue: 1, body: "<!-- deputy:task_1:update -->\nNewest of all." },
    ]);
    opened.body = "All of it is mine.";
    await forge.openDraftPullRequest({ ...pull, body: "Newest of all." });
    expect(opened).toMatchObject({ title: "Mine", body: "All of it is mine." });
    expect(app.comments).toHaveLength(1);
  });

  test("one of an earlier version, which had no hashes, is brought up to date", async () => {
    await forge.openDraftPullRequest(pull);
    Object.assign(app.pulls[0] ?? {}, { title: "Old", body: "<!-- deputy:task_1 -->\nOld." });
    await forge.openDraftPullRequest(pull);
    expect(app.pulls).toMatchObject([
      { title: "Fix it", body: expect.stringMatching(/ -->\nThe receipt\.$/) },
    ]);
  });

  test("a stranger's pull request is not edited: neither one from our branch nor one from a fork's namesake", async () => {
    const strangers = { title: "Mine", base: "trunk", body: "<!-- deputy:task_1 -->\nMine." };
    const theirs = { ...strangers, head: pull.head, draft: false, state: "open", user: "mallory" };
    app.pulls.push({ ...theirs, state: "open", number: 1, from: "mallory/app" });
    github.knowsFilters = false;
    expect(await forge.openDraftPullRequest(pull)).toMatchObject({ number: 2, adopted: false });
    app.pulls[1] = { ...theirs, state: "open", number: 2 };
    expect(await forge.openDraftPullRequest(pull)).toMatchObject({ number: 2, adopted: true });
    expect(app.pulls).toMatchObject([strangers, strangers]);
    expect(writes()).toHaveLength(1);
  });

  test("an answer that got lost makes no second one", async () => {
    github.refusals.push((request) => {
      if (request.method !== "POST") return null;
      github.refusals = [];
      github.serve(request);
      return { status: 502, body: "bad gateway" };
    });
    expect(await forge.openDraftPullRequest(pull)).toMatchObject({ number: 1, adopted: true });
    expect(app.pulls).toHaveLength(1);
  });

  test.each(["0123456789abcdef0123456789abcdef01234567", "HEAD"])(
    "a base that is no branch (%s) becomes the default branch",
    async (base) => {
      await forge.openDraftPullRequest({ ...pull, base });
      expect(app.pulls).toMatchObject([{ base: "trunk" }]);
    },
  );

  test("where there are no drafts an ordinary one is opened", async () => {
    github.refusals.push(({ method, body }) =>
      method === "POST" && JSON.parse(body).draft === true
        ? {
            status: 422,
            headers: { "content-type": "application/json" },
            body: JSON.stringify({
              message: "Draft pull requests are not supported in this repository.",
            }),
          }
        : null,
    );
    await forge.openDraftPullRequest(pull);
    expect(app.pulls).toMatchObject([{ draft: false }]);
  });

  test("no secret of ours is published, and a text too long for GitHub is cut", async () => {
    await forge.openDraftPullRequest({
      ...pull,
      title: `Fix ${token}`,
      body: `${token} hunter22 ${"x".repeat(70_000)}`,
    });
    expect(app.pulls[0]).toMatchObject({ title: "Fix [redacted]" });
    expect(app.pulls[0]?.body).toMatch(
      /^<!-- deputy:task_1 written:\S+ -->\n\[redacted\] \[redacted\] x+\n\n\[… cut here …\]$/,
    );
    expect(app.pulls[0]?.body.length).toBeLessThan(65_536);
  });
});

describe("comments", () => {
  const comment = { target: "acme/app#12", body: "Looks good.", taskId: "task_1", known: null };

  test("a task has one comment, which is edited, on whichever page it is", async () => {
    app.comments.push(
      ...Array.from({ length: 130 }, (_, at) => ({ id: at + 1, issue: 12, body: "words" })),
    );
    expect(await forge.upsertComment(comment)).toEqual({
      url: `${github.url}/acme/app/issues/12#issuecomment-131`,
      edited: false,
    });
    app.comments.push({ id: 132, issue: 12, body: "> <!-- deputy:task_1 --> quoted" });
    expect(await forge.upsertComment({ ...comment, body: "On second thought." })).toMatchObject({
      edited: true,
    });
    expect(app.comments).toHaveLength(132);
    expect(app.comments[130]?.body).toBe("<!-- deputy:task_1 -->\nOn second thought.");
    expect(writes()).toHaveLength(2);
    await forge.upsertComment({ ...comment, body: "On second thought." });
    expect(writes()).toHaveLength(2);
  });

  test("a stranger's comment with our mark is not edited, when ours is gone neither", async () => {
    const theirs = { id: 1, issue: 12, body: "<!-- deputy:task_1 -->\nTheirs.", user: "mallory" };
    app.comments.push(theirs);
    const { url } = await forge.upsertComment(comment);
    expect(await forge.upsertComment({ ...comment, body: "Newer." })).toEqual({
      url,
      edited: true,
    });
    app.comments.pop();
    const again = { ...comment, known: url, body: "Newest." };
    expect(await forge.upsertComment(again)).toMatchObject({ edited: false });
    expect(app.comments[0]?.body).toMatch(/Theirs/);
  });

  test("a token that has no account edits what our own rows name, and nothing else", async () => {
    const { url } = await forge.upsertComment(comment);
    github.refusals.push(({ path }) => (path === "/user" ? { status: 403 } : null));
    const known = { ...comment, known: url, body: "Newer." };
    expect(await forge.upsertComment(known)).toMatchObject({ edited: true });
    expect(await forge.upsertComment(comment)).toMatchObject({ edited: false });
  });

  test("another task has another comment", async () => {
    await forge.upsertComment(comment);
    await forge.upsertComment({ ...comment, taskId: "task_2" });
    expect(app.comments).toHaveLength(2);
  });

  test("a text that quotes the mark of another task is not taken for its comment", async () => {
    app.comments.push({ id: 1, issue: 12, body: "look: <!-- deputy:task_1 -->" });
    expect(await forge.upsertComment(comment)).toMatchObject({ edited: false });
  });

  test("writing is not repeated blindly, reading is", async () => {
    let failures = 0;
    github.refusals.push(({ method }) => {
      if (method === "GET" && failures++ > 0) return null;
      return { status: 502 };
    });
    await expect(forge.upsertComment(comment)).rejects.toThrow(/GitHub answered 502/);
    expect(writes()).toHaveLength(1);
  });
});

test.each([
  ["admin", true],
  ["write", true],
  ["read", false],
  ["none", false],
])("somebody with %s may write: %s", async (permission, may) => {
  app.permissions.mallory = permission;
  const mallory = { login: "mallory", id: fakeUserId("mallory") };
  expect(await forge.hasWriteAccess("acme/app", mallory)).toBe(may);
  // The login was given up and is somebody else's by now.
  expect(await forge.hasWriteAccess("acme/app", { ...mallory, id: 7 })).toBe(false);
});

describe("what goes wrong is one sentence that says what to do", () => {
  const failing = async (answer: Answer): Promise<DeputyError> => {
    github.refusals.push(() => answer);
    return forge.openDraftPullRequest(pull).then(
      () => Promise.reject(new Error("it did not fail")),
      (error: DeputyError) => error,
    );
  };
  const json = { "content-type": "application/json" };

  test.each([
    [
      { status: 401, headers: json, body: '{"message":"Bad credentials"}' },
      "forbidden",
      /set a valid GITHUB_TOKEN/,
    ],
    [
      { status: 403, headers: json, body: '{"message":"Resource not accessible"}' },
      "forbidden",
      /Resource not accessible; give it write access/,
    ],
    [
      { status: 404, headers: json, body: '{"message":"Not Found"}' },
      "not_found",
      /in acme\/app: GitHub shows nothing by that name/,
    ],
    [
      {
        status: 422,
        headers: json,
        body: '{"message":"Validation Failed","errors":[{"message":"No commits between main and x."}]}',
      },
      "unprocessable",
      /refused it: No commits between main and x\.$/,
    ],
    [
      {
        status: 403,
        headers: { ...json, "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1893456000" },
        body: '{"message":"API rate limit exceeded"}',
      },
      "unavailable",
      /rate limit is used up until 2030-01-01T00:00:00/,
    ],
    [{ status: 500, headers: json, body: "{}" }, "unavailable", /GitHub answered 500/],
  ] as const)("%o", async (answer, code, message) => {
    const error = await failing(answer);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain(token);
  });

  test.each([
    [{ "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1893456000" }, 1893456000_000],
    [{ "retry-after": "120" }, Date.now() + 120_000],
    [{}, Date.now() + 60_000],
  ])("a limit says when it ends: %o", async (headers, at) => {
    const body = '{"message":"You have exceeded a secondary rate limit"}';
    const { retryAt } = await failing({ status: 403, headers: { ...json, ...headers }, body });
    expect(Math.abs((retryAt?.getTime() ?? 0) - at)).toBeLessThan(60_000);
  });

  test("a server that repeats the token is not repeated", async () => {
    const body = JSON.stringify({ message: `not with ${token}` });
    const error = await failing({ status: 422, headers: json, body });
    expect(error.message).toMatch(/refused it: not with \[redacted\]/);
  });

  test("a GitHub that is not there", async () => {
    await github.close();
    await expect(forge.openDraftPullRequest(pull)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/was not reached at http:\/\/127.*ECONNREFUSED/),
    });
  });
});

test("without a token there is no forge", () => {
  const config = { token: null, app: null, apiUrl: "https://api.github.com" };
  expect(makeForge(openGithub(config, makeRedact([])), makeRedact([]))).toBeNull();
});

test.each([
  "https://github.com/acme/app",
  "https://github.com/acme/app.git",
  "https://user:secret@github.com/acme/app/",
  "ssh://git@github.com/acme/app.git",
  "ssh://git@ssh.github.com:443/acme/app.git",
  "git@github.com:acme/app.git",
])("%s is acme/app", (url) => {
  expect(parseGithubRepository(url, "https://api.github.com")).toEqual({
    owner: "acme",
    repo: "app",
  });
});

test("a GitHub of one's own has its own host", () => {
  const own = "https://git.acme.example/api/v3";
  expect(parseGithubRepository("git@git.acme.example:team/app.git", own)).toEqual({
    owner: "team",
    repo: "app",
  });
  expect(() => parseGithubRepository("https://github.com/team/app", own)).toThrow(
    /git\.acme\.example/,
  );
});

test("an API on this machine stands for github.com, or for a server beside it", () => {
  const here = "http://127.0.0.1:8080/api/v3";
  for (const url of ["https://github.com/acme/app", "http://127.0.0.1:8080/acme/app.git"]) {
    expect(parseGithubRepository(url, here)).toEqual({ owner: "acme", repo: "app" });
  }
  expect(() => parseGithubRepository("https://gitlab.com/acme/app", here)).toThrow(/github\.com/);
});

test("a pull request is promised where it can be opened only", () => {
  const github = { token, app: null, apiUrl: "https://api.github.com" };
  requirePullRequests(github, "git@github.com:acme/app.git");
  const tries: [
    typeof github | (Omit<typeof github, "token"> & { token: null }),
    string,
    RegExp,
  ][] = [
    [{ ...github, token: null }, "https://github.com/acme/app", /set GITHUB_TOKEN/],
    [github, "/home/me/app", /not a repository on github\.com.*--deliver branch/],
  ];
  for (const [config, url, message] of tries) {
    expect(() => requirePullRequests(config, url)).toThrow(
      expect.objectContaining({
        code: "unprocessable",
        field: "deliver",
        message: expect.stringMatching(message),
      }),
    );
  }
});

test.each([
  "https://gitlab.com/acme/app",
  "https://github.com.evil.example/acme/app",
  "https://github.com/acme",
  "https://github.com/acme/..",
  "/home/me/app",
  "https://u:hunter22@gitlab.com/a/b",
])("%s can have no pull request", (url) => {
  expect(() => parseGithubRepository(url, "https://api.github.com")).toThrow(
    /is not a repository on github\.com/,
  );
  expect(() => parseGithubRepository(url, "https://api.github.com")).not.toThrow(/hunter22/);
});

test("a target names an issue", () => {
  expect(parseGithubTarget("acme/app#12")).toEqual({ owner: "acme", repo: "app", number: 12 });
  expect(() => parseGithubTarget("acme/app")).toThrow(/not an issue or pull request/);
});
