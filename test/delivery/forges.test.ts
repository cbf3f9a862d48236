import { afterEach, describe, expect, test } from "vitest";
import { makeRedact } from "../../src/core/text/redact.ts";
import { makeCommenter, openEventForges } from "../../src/delivery/forges/find-commenter.ts";
import { findProject } from "../../src/delivery/forges/forge-url.ts";
import { openForges, requireForge, tryForge } from "../../src/delivery/forges/open-forges.ts";
import { type FakeForge, type ForgeKind, startFakeForge } from "../support/fake-forge.ts";

/** Pull requests on forges beside GitHub, against stand-ins; real servers were not at hand. */
const request = {
  ...{ head: "deputy/repair", base: "main", title: "Repair the greeting", body: "A receipt." },
  ...{ taskId: "task_1", known: null },
};
const github = { token: null, app: null, apiUrl: "https://api.github.com" };
const drafts: Record<ForgeKind, string> = { gitea: "WIP: ", gitlab: "Draft: " };

let server: FakeForge | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function start(kind: ForgeKind) {
  server = await startFakeForge(kind, "acme/app");
  const settings = { kind, url: server.url, token: server.token };
  const redact = makeRedact([server.token, "hunter22hunter22"]);
  const forge = openForges([settings], null, redact)(server.cloneUrl);
  if (!forge) throw new Error("no forge");
  const repositoryUrl = server.cloneUrl;
  const open = (set: Partial<typeof request> & { known?: string | null } = {}) =>
    forge.openDraftPullRequest({ ...request, ...set, repositoryUrl });
  const events = openEventForges([settings], redact)[kind];
  if (!events) throw new Error("no forge");
  const examine = (projects: string[]) => tryForge(settings, projects, redact);
  return { events, examine, forge, open, repositoryUrl, server };
}

const issues: Record<ForgeKind, string> = {
  gitea: "gitea:acme/app#7",
  gitlab: "gitlab:acme/app#7",
};

describe.each(["gitea", "gitlab"] as const)("on %s", (kind) => {
  test("an issue has one comment of ours, kept current, wherever its mark is written", async () => {
    const { events, server } = await start(kind);
    const tell = (body: string) => {
      const target = issues[kind];
      return events.upsertComment({ target, body, taskId: "story", known: null });
    };
    server.comments.push({
      ...{ id: 90, pull: 7, author: 66, isIssue: true },
      body: "<!-- deputy:story -->\nThe work was accepted",
    });
    const first = await tell("Work has started, with hunter22hunter22.");
    expect(first).toMatchObject({ edited: false, url: expect.stringContaining("/issues/7#") });
    expect(await tell("A draft is here.")).toEqual({ url: first.url, edited: true });
    expect(server.comments).toMatchObject([
      { id: 90, body: expect.stringContaining("accepted") },
      { pull: 7, body: "<!-- deputy:story -->\nA draft is here.", author: 1 },
    ]);
    const commenter = makeCommenter(null, { [kind]: events });
    const about = { body: "Read.", taskId: "reply", known: null };
    await commenter?.upsertComment({ ...about, target: issues[kind] });
    expect(server.comments).toHaveLength(3);
    await expect(commenter?.upsertComment({ ...about, target: "acme/app#7" })).rejects.toThrow(
      "A comment on acme/app#7 needs a token: set GITHUB_TOKEN",
    );
  });

  test("who may write is asked for by account, and a wrong token leaves it to a person", async () => {
    const { events, server } = await start(kind);
    const may = (login: string, id: number | null) =>
      events
        .hasWriteAccess("acme/app", { login, id })
        .catch((error: { code: string }) => error.code);
    expect(await may("ada", 3)).toBe(true);
    expect(await may("ada", null)).toBe(false);
    // Another account that took the login; of GitLab an id that is no member's.
    expect(await may("ada", 4)).toBe(kind === "gitea" ? false : "not_found");
    expect(await may("mallory", 66)).toBe(kind === "gitea" ? false : "not_found");
    server.refuse = () => ({ status: 401 });
    expect(await may("ada", 3)).toBe("forbidden");
  });

  test("checks of a commit are listed with their ends, and a log is read where there is one", async () => {
    const { events, server } = await start(kind);
    const commit = "a".repeat(40);
    const red = kind === "gitea" ? "failure" : "failed";
    server.statuses = [red, "success", "pending"].map((status, index) => ({
      ...{ id: index + 1, commit, name: `test ${index}`, status },
    }));
    server.logs[1] = `${"noise\n".repeat(500)}Error: expected Hello`;
    const checks = await events.listChecks("acme/app", commit);
    expect(checks.map(({ hasFailed, isCompleted }) => [hasFailed, isCompleted])).toEqual([
      [true, true],
      [false, true],
      [false, false],
    ]);
    const { log } = await events.readCheckFailure("acme/app", checks[0] ?? fail());
    expect(log.split("\n").at(-1)).toBe(kind === "gitea" ? "" : "Error: expected Hello");
    expect(log.split("\n").length).toBeLessThanOrEqual(200);
    const other = await events.readCheckFailure("acme/app", checks[1] ?? fail());
    expect(other.log).toBe(kind === "gitea" ? "" : "(GitLab does not show its log)");
  });

  test("the doctor names a repository that the token is not shown, and a token that is wrong", async () => {
    const { examine, server } = await start(kind);
    expect(await examine(["acme/app"])).toBeNull();
    expect(await examine(["acme/none", "acme/app"])).toMatch(
      /^Could not look at acme\/none: .* nothing by that name to this token \(404\)/,
    );
    server.refuse = () => ({ status: 401 });
    expect(await examine(["acme/app"])).toContain("does not accept the token (401)");
    server.refuse = (asked) => (asked.endsWith("/user") ? null : { status: 403 });
    expect(await examine(["acme/app"])).toContain("the token may not do that (403)");
  });

  test("a draft is opened once, and adopted with the new receipt after that", async () => {
    const { open, server } = await start(kind);
    const first = await open({ body: "With hunter22hunter22 in it." });
    expect(first).toMatchObject({ number: 1, adopted: false });
    expect(server.pulls).toMatchObject([
      { title: `${drafts[kind]}${request.title}`, head: request.head, base: "main" },
    ]);
    expect(server.pulls[0]?.body).not.toContain("hunter22");
    expect(await open({ body: "Another receipt." })).toMatchObject({ ...first, adopted: true });
    expect(server.pulls).toHaveLength(1);
    expect(server.pulls[0]?.body).toContain("Another receipt.");
    expect(server.comments).toEqual([]);
  });

  test("a commit as base stands for the default branch", async () => {
    const { open, server } = await start(kind);
    await open({ base: "0123456789abcdef0123456789abcdef01234567" });
    expect(server.pulls[0]?.base).toBe("main");
  });

  test("words that a person changed stay, and one comment has what is new", async () => {
    const { open, server } = await start(kind);
    await open();
    Object.assign(server.pulls[0] ?? {}, { title: "Ready: greet", body: "Mine now" });
    await open({ body: "Receipt two." });
    await open({ body: "Receipt three." });
    expect(server.pulls[0]).toMatchObject({ title: "Ready: greet", body: "Mine now" });
    expect(server.comments).toHaveLength(1);
    expect(server.comments[0]?.body).toContain("Receipt three.");
  });

  test("a stranger's is adopted and not edited; a fork's namesake is not ours", async () => {
    const { open, server } = await start(kind);
    const theirs = { title: "Theirs", body: "x", head: request.head, base: "main" };
    server.pulls.push({ ...theirs, number: 1, state: "open", author: 7, isOfFork: true });
    server.pulls.push({ ...theirs, number: 2, state: "open", author: 7 });
    expect(await open()).toMatchObject({ number: 2, adopted: true });
    expect(server.pulls.map(({ title }) => title)).toEqual(["Theirs", "Theirs"]);
    expect(server.comments).toEqual([]);
  });

  test("it is found behind a hundred others", async () => {
    const { open, server } = await start(kind);
    await open();
    for (let number = 2; number <= 120; number++)
      server.pulls.push({
        ...{ number, title: "t", body: "b", head: `b-${number}`, base: "main" },
        ...{ state: "open", author: 7 },
      });
    expect(await open()).toMatchObject({ number: 1, adopted: true });
  });

  test("an answer that got lost makes no second one", async () => {
    const { open, server } = await start(kind);
    server.losesAnswer = true;
    expect(await open()).toMatchObject({ number: 1, adopted: true });
    expect(server.pulls).toHaveLength(1);
  });

  test("one is closed with a comment before; what people did stays", async () => {
    const { forge, open, repositoryUrl, server } = await start(kind);
    const { url } = await open();
    const close = () =>
      forge.closePullRequest({ repositoryUrl, url, body: "Rolled back.", taskId: "task_1" });
    const look = () => forge.lookAtPullRequest({ repositoryUrl, url });
    expect([await look(), await close(), await look()]).toEqual(["open", "closed", "closed"]);
    expect(server.comments).toMatchObject([{ body: expect.stringContaining("Rolled back.") }]);
    expect(await close()).toBe("closed"); // as after a death before it was recorded
    expect(server.comments).toHaveLength(1);
    server.comments.splice(0);
    expect(await close()).toBe("closed_before");
    Object.assign(server.pulls[0] ?? {}, { state: "merged" });
    expect([await close(), await look()]).toEqual(["merged", "merged"]);
  });

  test.each([
    [401, /does not accept the token \(401\); set a valid GIT(EA|LAB)_TOKEN/],
    [403, /the token may not do that \(403\): no, \[redacted\]; give it write access/],
    [404, /shows nothing by that name to this token/],
    [422, /refused it \(422\): no/],
    [503, /answered 503: no/],
    [302, /refused it \(302\)/],
  ])("a %i is one sentence that says what to do, without the token", async (status, said) => {
    const { open, server } = await start(kind);
    const body = JSON.stringify({ message: `no, ${server.token}` });
    server.refuse = () => ({ status, body });
    await expect(open()).rejects.toThrow(said);
    expect(server.asked.every((asked) => asked.startsWith("GET "))).toBe(true);
  });

  test("one that is not there, and a page in place of an answer", async () => {
    const { open, server } = await start(kind);
    server.refuse = () => "hang up";
    await expect(open()).rejects.toThrow(
      /Could not list the (pull|merge) requests of acme\/app: Git\w+ was not reached/,
    );
    server.refuse = () => ({ status: 200, body: "<html>" });
    await expect(open()).rejects.toThrow(/answered something else than expected/);
  });
});

test.each([
  ["https://git.acme.example/team/app.git", "https://git.acme.example/", "team/app"],
  ["https://me:secret@git.acme.example/team/app", "https://git.acme.example", "team/app"],
  ["https://git.acme.example/gitea/team/app/", "https://git.acme.example/gitea/", "team/app"],
  ["https://git.acme.example/team/app", "https://git.acme.example/gitea/", null],
  ["https://git.acme.example:8443/team/app", "https://git.acme.example/", null],
  ["https://git.acme.example.evil.test/team/app", "https://git.acme.example/", null],
  ["https://evil.test/https://git.acme.example/team/app", "https://git.acme.example/", null],
  ["git@git.acme.example:group/sub/app.git", "https://git.acme.example/", "group/sub/app"],
  ["ssh://git@git.acme.example:2222/team/app.git", "https://git.acme.example/", "team/app"],
  ["git@github.com:team/app.git", "https://git.acme.example/", null],
  ["/home/me/git.acme.example/team/app", "https://git.acme.example/", null],
  ["https://git.acme.example/team/../app", "https://git.acme.example/", null],
  ["https://git.acme.example/app", "https://git.acme.example/", null],
])("%s on %s is %s", (url, base, project) => {
  expect(findProject(url, base)).toBe(project);
});

test("a pull request is promised where it can be opened only", () => {
  const forges = [
    { kind: "gitea", url: "https://codeberg.org/", token: null },
    { kind: "gitlab", url: "https://gitlab.com/", token: "t" },
  ] as const;
  const promise = (url: string) => () => requireForge({ github, forges }, url);
  expect(promise("git@gitlab.com:acme/app.git")).not.toThrow();
  expect(promise("https://codeberg.org/acme/app")).toThrow(
    /codeberg\.org needs a token: set GITEA_TOKEN/,
  );
  expect(promise("https://github.com/acme/app")).toThrow(/set GITHUB_TOKEN/);
  expect(promise("https://elsewhere.example/acme/app")).toThrow(/not a repository on github\.com/);
  const find = openForges(forges, null, (text) => text);
  expect(find("https://codeberg.org/acme/app")).toBeNull();
  expect(find("https://gitlab.com/acme/app")).not.toBeNull();
});

function fail(): never {
  throw new Error("there is no such check");
}
