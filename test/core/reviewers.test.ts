import { expect, test } from "vitest";
import { readRoles } from "../../src/config/role-settings.ts";
import { chooseReviewers } from "../../src/core/review/choose-reviewers.ts";
import { describeCoder, findReviewers } from "../../src/roles/reviewers.ts";

/** Who can review, from the configuration as it is. */
const model = { apiKey: "sk-x", baseUrl: null, name: "big" };
const config = (
  roles: Parameters<typeof readRoles>[0]["roles"],
  apiKey: string | null = "sk-x",
) => ({
  roles: readRoles({ roles }),
  model: { ...model, apiKey },
  anthropic: { apiKey: null, baseUrl: null, model: null },
});
const reviewers = (...given: Parameters<typeof config>) =>
  findReviewers(config(...given), "/r", "builtin");

test("with a key alone the builtin agent reviews, and without one no program does", () => {
  expect(reviewers({})).toEqual([{ agent: "builtin", model: "big" }]);
  expect(findReviewers(config({}, null), "/r", "command:fix")).toEqual([]);
});

test("whoever is named reviews, a program too; the model of the role is its agent's alone", () => {
  expect(reviewers({ reviewer: { agent: "command:lint" } })).toEqual([
    { agent: "command:lint", model: null },
    { agent: "builtin", model: "big" },
  ]);
  expect(reviewers({ reviewer: { model: "other" }, coder: { model: "small" } })).toEqual([
    { agent: "builtin", model: "other" },
    { agent: "builtin", model: "big" },
    { agent: "builtin", model: "small" },
  ]);
  const coder = describeCoder(config({ coder: { model: "small" } }), "/r", "builtin");
  expect(coder).toEqual({ agent: "builtin", model: "small", isModel: true });
});

test("the programs of other roles do not review", () => {
  expect(reviewers({ coder: { agent: "command:fix" } })).toEqual([
    { agent: "builtin", model: "big" },
  ]);
});

test("each agent reviews with the model of the role that it is configured in", () => {
  expect(reviewers({ planner: { agent: "claude", model: "wise" } })).toEqual([
    { agent: "builtin", model: "big" },
    { agent: "claude", model: "wise" },
  ]);
  expect(reviewers({ reviewer: { model: "other" }, coder: { agent: "claude" } })).toEqual([
    { agent: "builtin", model: "other" },
    { agent: "builtin", model: "big" },
    { agent: "claude", model: null },
  ]);
});

test("another model of another role goes before the coder's own", () => {
  const given = config({ planner: { model: "wise" } });
  const coder = describeCoder(given, "/r", "builtin");
  expect(chooseReviewers(findReviewers(given, "/r", "builtin"), coder, 1)).toEqual([
    { agent: "builtin", model: "wise", sameAsCoder: false },
  ]);
});

test("a program that works with the daemon's key has its model, and is said to be the same", () => {
  for (const agent of ["codex", "opencode", "acp:some agent"]) {
    const coder = describeCoder(config({}), "/r", agent);
    expect(coder.model).toBe("big");
    const [first] = chooseReviewers(findReviewers(config({}), "/r", agent), coder, 1);
    expect(first).toEqual({ agent: "builtin", model: "big", sameAsCoder: true });
    // With a login of its own nobody knows.
    expect(describeCoder(config({}, null), "/r", agent).model).toBe(null);
  }
});
