import { expect, test } from "vitest";
import { loadConfig } from "../../src/config/config.ts";
import { makeRedact } from "../../src/core/text/redact.ts";
import { openGithub } from "../../src/delivery/github/access/github-access.ts";
import { makeAuthHeader } from "../../src/wiring/github-access.ts";

/** The token goes to the GitHub that it belongs to, encrypted or within this machine. */
const github = "https://api.github.com";
const own = "https://git.acme.example/api/v3";
const local = "http://127.0.0.1:8080/api/v3";

const headerOf = (env: Record<string, string>, url: string) => {
  const config = loadConfig({ DEPUTY_HOME: "/nonexistent", ...env });
  return makeAuthHeader(config, openGithub(config.github, makeRedact([])))(url);
};

test.each([
  [github, "https://github.com/acme/app.git", true],
  [github, "http://github.com/acme/app.git", false],
  [github, "https://github.com.evil.example/acme/app.git", false],
  [github, "https://github.com:8443/acme/app.git", false],
  [github, "https://gitlab.com/acme/app.git", false],
  [github, "git@github.com:acme/app.git", false],
  [github, "/home/me/app", false],
  [own, "https://git.acme.example/team/app", true],
  [own, "https://github.com/team/app", false],
  [local, "http://127.0.0.1:8080/acme/app.git", true],
  [local, "http://127.0.0.1:9090/acme/app.git", false],
])("with %s, %s gets the token: %s", async (apiUrl, url, gets) => {
  const header = await headerOf({ GITHUB_TOKEN: "ghp_token", GITHUB_API_URL: apiUrl }, url);
  expect(header !== null).toBe(gets);
});

test("without a token there is nothing to send", async () => {
  expect(await headerOf({}, "https://github.com/acme/app")).toBeNull();
});
