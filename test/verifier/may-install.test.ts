import { expect, test } from "vitest";
import { mayInstall } from "../../src/verifier/place/may-install.ts";
import { makeRepository, mirrorOf } from "../worktree/repositories.ts";

const scripts = {
  test: "vitest run",
  all: "npm run prepared && vitest",
  prepared: "pnpm install --offline",
};

test("whether a check may install again shows in what it leads to, too much rather than too little", async () => {
  const source = makeRepository({
    "package.json": JSON.stringify({ scripts }),
    Makefile: "test: deps\n\tpytest\ndeps:\n\tpip install -r requirements.txt\n",
    "run.sh": "yarn\nyarn test\n",
    "plain.sh": "yarn test\n",
  });
  const { base: baseCommit, mirror } = await mirrorOf(source);
  const may = (...checks: string[]) => mayInstall({ baseCommit, mirror }, checks);
  for (const one of ["npm ci && npm test", "npm run all", "make test", "sh run.sh", "npx tsc"])
    expect([one, await may("true", one)]).toEqual([one, true]);
  for (const one of [
    "python3 -m build --wheel",
    "pip-sync dev.txt",
    "pip-compile",
    "hatch run test",
  ])
    expect([one, await may("true", one)]).toEqual([one, true]);
  for (const one of ["pipenv run pytest", "python -I -m build", "python -mbuild . && pytest"])
    expect([one, await may("true", one)]).toEqual([one, true]);
  for (const one of ["python -m pytest build", "cargo build", "python build.py"])
    expect([one, await may("true", one)]).toEqual([one, false]);
  for (const one of ["npm test", "pnpm run test", "sh plain.sh", "cargo test", "node --test"])
    expect([one, await may("true", one)]).toEqual([one, false]);
  const run = "npm install --offline && node server.js";
  const service = { name: "app", run, ports: [], ready: 1, stop: null, startTimeoutMs: 1_000 };
  expect(await mayInstall({ baseCommit, mirror, services: [service] }, ["npm test"])).toBe(true);
});
