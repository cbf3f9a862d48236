import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { commitSettings } from "../src/config/commit-settings.ts";
import { loadConfig } from "../src/config/config.ts";

/** How delivered commits look: the file, the environment, then a repository's own entry. */
let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "deputy-commits-"));
});
afterEach(() => rm(home, { recursive: true }));

async function load(yaml: string, env: Record<string, string> = {}) {
  await writeFile(join(home, "config.yaml"), yaml);
  return loadConfig({ DEPUTY_HOME: home, ...env }).commits;
}

const there = "https://github.com/acme/app.git";
const yaml = `commits:
  author: Ada Lovelace <ada@example.org>
  sign: true
  message: "{subject}\\n\\n{body}"
repositories:
  ${there}:
    commits: { author: Acme Bot <bot@acme.example>, sign_off: true }
`;

test("a repository's own wins over the environment, and that over the general part", async () => {
  const ada = { name: "Ada Lovelace", email: "ada@example.org" };
  const plain = await load(yaml);
  expect(commitSettings(plain, "/elsewhere")).toEqual({
    ...{ author: ada, committer: null, coAuthors: [], signOff: false, sign: true },
    message: "{subject}\n\n{body}",
  });
  const given = await load(yaml, {
    DEPUTY_COMMIT_AUTHOR: "Grace <grace@example.org>",
    DEPUTY_COMMIT_SIGN: "false",
  });
  expect(commitSettings(given, "/elsewhere")).toMatchObject({
    author: { name: "Grace" },
    sign: false,
  });
  const bot = { name: "Acme Bot", email: "bot@acme.example" };
  expect(commitSettings(given, there)).toMatchObject({ author: bot, signOff: true, sign: false });
});

test.each([
  ["commits:\n  author: Ada\n", {}, /line 2: .*author.* must be a name and an address/],
  ['commits:\n  author: "A\\nB <a@b>"\n', {}, /line 2: .*author/],
  [
    'commits:\n  sign: true\n  message: "{subject} {scope}"\n',
    {},
    /line 3: .*message.* has the unknown placeholder \{scope\}: it may have \{subject\}, \{title\}/,
  ],
  ["commits:\n  gpg: true\n", {}, /line 2: unknown key "commits.gpg"/],
  ["commits:\n  sign_off: true\n", {}, /sign_off under commits needs somebody who signs off/],
  ["", { DEPUTY_COMMIT_AUTHOR: "Ada" }, /^DEPUTY_COMMIT_AUTHOR must be a name and an address/],
  ["", { DEPUTY_COMMIT_SIGN: "yes" }, /^DEPUTY_COMMIT_SIGN must be true or false, not "yes"/],
])("%j with %j is refused in a sentence", async (text, env, message) => {
  await expect(load(text, env)).rejects.toThrow(message);
});
