import { expect, test } from "vitest";
import { loadGithubContract } from "./github-contract.ts";

const contract = loadGithubContract();
const pull = { title: "t", head: "a", base: "main", draft: true, body: "b" };

test.each([
  ["a pull request", "POST", "/repos/o/r/pulls", pull],
  ["a check with annotations", "POST", "/repos/o/r/check-runs", { name: "n", head_sha: "a" }],
  ["a list", "GET", "/repos/o/r/issues?since=2026-01-01T00:00:00Z&per_page=100", null],
])("%s is as GitHub describes it", (_, method, path, body) => {
  const sent = body === null ? "" : JSON.stringify(body);
  expect(contract.findBreach({ method, path, body: sent })).toBeNull();
});

test.each([
  ["an unknown operation", "GET", "/repos/o/r/pull", null, "no operation"],
  ["an unknown parameter", "GET", "/repos/o/r/issues?per-page=1", null, "no parameter per-page"],
  ["a wrong value", "GET", "/repos/o/r/issues?per_page=many", null, "per_page=many"],
  ["a misspelt field", "POST", "/repos/o/r/pulls", { ...pull, drft: true }, "no field drft"],
  ["a missing field", "POST", "/repos/o/r/pulls", { title: "t" }, "must have required property"],
  ["a wrong type", "POST", "/repos/o/r/pulls", { ...pull, draft: "yes" }, "must be boolean"],
  ["no body", "POST", "/repos/o/r/pulls", null, "lacks its body"],
])("%s is a breach", (_, method, path, body, words) => {
  const sent = body === null ? "" : JSON.stringify(body);
  expect(contract.findBreach({ method, path, body: sent })).toContain(words);
});
