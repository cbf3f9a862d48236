import { afterEach, beforeEach, expect, test } from "vitest";
import { tryToken } from "../../src/delivery/github/try-token.ts";
import { type FakeGithub, startFakeGithub } from "../support/fake-github.ts";

let github: FakeGithub;
beforeEach(async () => {
  github = await startFakeGithub();
});
afterEach(() => github.close());
const lacks = (token = github.token) =>
  tryToken({ apiUrl: `${github.apiUrl}/`, token }, ["acme/app"]);

test("a token that may do all there is lacks nothing", async () => {
  await github.add("acme/app");
  expect(await lacks()).toEqual([]);
});

test("what a token lacks is said by right and repository", async () => {
  expect(await lacks("another")).toEqual([
    "GitHub does not accept it (401): set a valid GITHUB_TOKEN",
  ]);
  expect(await lacks()).toEqual([expect.stringMatching(/is shown nothing of acme\/app \(404\)/)]);
  const app = await github.add("acme/app");
  app.mayPush = false;
  github.refusals.push(({ path }) =>
    path.includes("/issues") ? { status: 403, body: "{}" } : null,
  );
  expect(await lacks()).toEqual([
    "it may not push to acme/app (contents: write)",
    "it may not read the issues of acme/app (issues: read and write)",
  ]);
});

test.each([
  ["repo, workflow", []],
  ["repo", ["it may not change workflows (scope workflow)"]],
  ["public_repo, workflow", ["it reaches public repositories only (scope repo)"]],
  ["gist, workflow", ["it may not push, nor open pull requests (scope repo)"]],
])("a classic token with %s", async (scopes, expected) => {
  await github.add("acme/app");
  github.refusals.push(({ path }) =>
    path === "/user" ? { status: 200, headers: { "x-oauth-scopes": scopes }, body: "{}" } : null,
  );
  expect(await lacks()).toEqual(expected);
});

test("a GitHub that is not there is said", async () => {
  await github.close();
  expect(await lacks()).toEqual([expect.stringMatching(/was not reached at http.*not tried$/)]);
});
