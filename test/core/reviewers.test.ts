import { expect, test } from "vitest";
import { describeCoder, findReviewers } from "../../src/reviewers.ts";
import { readRoles } from "../../src/role-settings.ts";

/** Who can review, from the configuration as it is. */
const model = { apiKey: "sk-x", baseUrl: null, name: "big" };
const config = (
  roles: Parameters<typeof readRoles>[0]["roles"],
  apiKey: string | null = "sk-x",
) => ({
  roles: readRoles({ roles }),
  model: { ...model, apiKey },
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
  ]);
  const coder = describeCoder(config({ coder: { model: "small" } }), "/r", "builtin");
  expect(coder).toEqual({ agent: "builtin", model: "small", isModel: true });
});

test("the programs of other roles do not review", () => {
  expect(reviewers({ coder: { agent: "command:fix" } })).toEqual([
    { agent: "builtin", model: "big" },
  ]);
});
