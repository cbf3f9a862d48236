import { expect, test } from "vitest";
import { resolveUrl } from "../../src/worktree/content/fetch-submodules.ts";

test.each([
  ["https://git.example/acme/app.git", "../lib.git", "https://git.example/acme/lib.git"],
  ["https://git.example/acme/app.git/", "./lib", "https://git.example/acme/app.git/lib"],
  ["https://git.example/acme/app", "../../other/lib", "https://git.example/other/lib"],
  ["git@git.example:acme/app.git", "../lib.git", "git@git.example:acme/lib.git"],
  ["ssh://git@git.example/acme/app", "../lib", "ssh://git@git.example/acme/lib"],
  ["/srv/acme/app", "../lib", "/srv/acme/lib"],
  // Never above the host, and nothing in place of it.
  ["https://git.example/acme/app", "../../../evil.example/lib", null],
  ["git@git.example:app", "../../evil", null],
  ["https://git.example/acme/app", "../..", null],
  [null, "../lib", null],
])("of %s %s is %s", (parent, relative, url) => {
  expect(resolveUrl(parent, relative)).toBe(url);
});
