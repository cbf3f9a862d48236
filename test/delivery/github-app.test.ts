import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeRedact } from "../../src/core/text/redact.ts";
import {
  type GithubAccess,
  type GithubConfig,
  openGithub,
} from "../../src/delivery/github/access/github-access.ts";
import { makeForge } from "../../src/delivery/github/github.ts";
import { type FakeGithub, startFakeGithub } from "../support/fake-github.ts";
import {
  allRights,
  type FakeApp,
  type FakeInstallation,
  install,
  makeFakeApp,
} from "../support/fake-github-app.ts";

/** Deputy as a GitHub App: the tokens it gets, what they are good for, and what is said when not. */
let github: FakeGithub;
let app: FakeApp;
let installed: FakeInstallation;
let access: GithubAccess;
let repository: Awaited<ReturnType<FakeGithub["add"]>>;

const redact = makeRedact([]);
const acme = { owner: "acme", repo: "app" };
const open = (token: string | null = null) => {
  const config: GithubConfig = {
    token,
    apiUrl: github.apiUrl,
    patient: false,
    app: { ...app, appId: app.id },
  };
  const opened = openGithub(config, redact);
  if (!opened) throw new Error("an App is access");
  return opened;
};
const comment = (by = access) => {
  const request = { target: "acme/app#7", body: "Hello", taskId: "task_1", known: null };
  return makeForge(by, redact)?.upsertComment(request);
};

beforeEach(async () => {
  github = await startFakeGithub();
  repository = await github.add("acme/app");
  await github.add("acme/other");
  app = makeFakeApp();
  github.app = app;
  installed = install(app, "acme/app", "acme/other");
  access = open();
});
afterEach(() => {
  vi.useRealTimers();
  return github.close();
});

test("each repository has tokens of its own, with no more rights than their purpose needs", async () => {
  await comment();
  expect((await comment())?.edited).toBe(true);
  expect(repository.comments).toMatchObject([{ user: "deputy-acme[bot]" }]);
  expect(await access.gitToken(acme, "read")).toBe(await access.gitToken(acme, "read"));
  await access.gitToken(acme, "write");
  await access.gitToken({ owner: "acme", repo: "other" }, "read");
  expect(app.tokens.map(({ permissions, repositories }) => [repositories, permissions])).toEqual([
    [
      ["acme/app"],
      {
        ...{ contents: "read", issues: "write", pull_requests: "write", checks: "write" },
        actions: "read",
      },
    ],
    [["acme/app"], { contents: "read" }],
    [["acme/app"], { contents: "write" }],
    [["acme/other"], { contents: "read" }],
  ]);
  expect(await makeForge(access, redact)?.findOwnLogin("acme/app")).toBe("deputy-acme[bot]");
});

test("where it is not installed a person's token stands in; without one it is said where to install it", async () => {
  installed.repositories = [];
  await expect(comment()).rejects.toThrow(
    `The GitHub App deputy-acme is not installed on acme/app: install it at ${github.url}/github-apps/deputy-acme/installations/new.`,
  );
  expect(await access.gitToken(acme, "read")).toBeNull();
  await expect(access.gitToken(acme, "write")).rejects.toThrow(/is not installed on acme\/app/);
  const both = open(github.token);
  await comment(both);
  expect(repository.comments).toMatchObject([{ user: "deputy-bot" }]);
  expect(await both.gitToken(acme, "write")).toBe(github.token);
});

test("what was suspended, removed or granted less meanwhile is said in one sentence", async () => {
  await comment();
  installed.isSuspended = true;
  await expect(comment()).rejects.toThrow(
    `The GitHub App deputy-acme is suspended on acme/app: an owner can end that at ${github.url}/settings/installations/1.`,
  );
  installed.isSuspended = false;
  expect((await comment())?.edited).toBe(true);
  app.installations.length = 0;
  await expect(comment()).rejects.toThrow(/is not installed on acme\/app/);

  const again = install(app, "acme/app");
  again.permissions = { metadata: "read", contents: "read", issues: "write" };
  const less = open();
  await comment(less);
  await expect(less.gitToken(acme, "write")).rejects.toThrow(
    /may not push to acme\/app: grant it "Contents: read and write"/,
  );
  const checks = makeForge(less, redact)?.listChecks("acme/app", "a".repeat(40));
  await expect(checks).rejects.toThrow(/deputy-acme\[bot\] may not do that.*deputy github status/);
});

test("an App that was removed and installed again is found, by the API and by git", async () => {
  for (const ask of [() => access.gitToken(acme, "read"), () => comment()]) {
    await access.isByApp(acme);
    app.installations.length = 0;
    const again = install(app, "acme/app");
    await ask();
    expect(app.tokens.at(-1)?.installation).toBe(again);
  }
  expect(repository.comments).toMatchObject([{ user: "deputy-acme[bot]" }]);
});

test("a right that was granted meanwhile counts at once", async () => {
  installed.permissions = { metadata: "read", contents: "read" };
  await expect(access.gitToken(acme, "write")).rejects.toThrow(/may not push to acme\/app/);
  await access.gitToken(acme, "read");
  installed.permissions = { ...allRights };
  const token = await access.gitToken(acme, "write");
  expect(app.tokens.at(-1)).toMatchObject({ token, permissions: { contents: "write" } });
});

test("what was granted or installed anew replaces a kept token, minutes later", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const later = () => vi.setSystemTime(Date.now() + 5 * 60_000);
  installed.permissions = { ...allRights, checks: "read" };
  await comment();
  installed.permissions = { ...allRights };
  later();
  await comment();
  expect(app.tokens.map(({ permissions }) => permissions.checks)).toEqual(["read", "write"]);

  const read = await access.gitToken(acme, "read");
  later();
  expect(await access.gitToken(acme, "read")).toBe(read);
  app.installations.length = 0;
  const again = install(app, "acme/app");
  later();
  expect(await access.gitToken(acme, "read")).not.toBe(read);
  expect(app.tokens.at(-1)?.installation).toBe(again);
});

test.each([60, -60])(
  "a clock that is %i minutes off is taken into account, or named",
  async (minutes) => {
    app.clockMs = minutes * 60_000;
    await comment();
    expect(repository.comments).toHaveLength(1);
    app.tellsTime = false;
    await expect(comment(open())).rejects.toThrow(
      /^Could not comment on acme\/app#7: the clock of this machine \(.*Z\) and GitHub's differ too much/,
    );
  },
);

test("another key, or an App that is gone, is said; no sentence has a token", async () => {
  const { privateKey } = makeFakeApp();
  const stranger = openGithub(
    {
      token: null,
      app: { ...app, appId: app.id, privateKey },
      apiUrl: github.apiUrl,
      patient: false,
    },
    redact,
  );
  await expect(comment(stranger ?? access)).rejects.toThrow(
    /GitHub does not know deputy-acme\[bot\] by its key.*connect again/,
  );
  await comment();
  github.refusals.push(({ headers, path }) =>
    path.includes("/comments")
      ? {
          status: 422,
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ message: `No: ${headers.authorization}` }),
        }
      : null,
  );
  const error = await comment()?.catch(({ message }: Error) => message);
  expect(error).toContain("GitHub refused it: No: token [redacted]");
});
