import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check, CheckResult } from "../../src/core/proof/verdict.ts";
import type { ProcessIdentity } from "../../src/sandbox/process/process-identity.ts";
import { runBaseline } from "../../src/verifier/checks/baseline.ts";
import { type CheckPlace, runCheck } from "../../src/verifier/checks/run-checks.ts";
import { makeCheck, surroundings, TestRepository, verify } from "./repository.ts";

let worktree: string;
let place: CheckPlace;

beforeAll(async () => {
  worktree = await mkdtemp(join(tmpdir(), "deputy-checks-"));
  place = {
    worktree,
    commit: "c0ffee",
    env: { PORT: "4711" },
    signal: new AbortController().signal,
    onProcess: () => {},
  };
});
afterAll(() => rm(worktree, { recursive: true, force: true }));

const run = (command: string, more: Partial<Check> = {}) =>
  runCheck(makeCheck(command, more), place, null);

describe("one run of a check", () => {
  test.each([
    ["true", "green", "exit 0"],
    ["exit 3", "red", "exit 3"],
    ["no-such-program-here", "inconclusive", "could not start: exit 127"],
    ["./", "inconclusive", "could not start: exit 126"],
    [
      "echo '/usr/bin/python3: No module named pytest' >&2; exit 1",
      "inconclusive",
      "could not start: pytest is not installed for this Python",
    ],
    ["echo 'E  no: No module named pytest'; exit 1", "red", "exit 1"],
    ["kill -9 $$", "inconclusive", "was killed by SIGKILL"],
    ["sh -c 'kill -9 $$'; exit $?", "inconclusive", "was killed: exit 137"],
  ])("%s is %s: %s", async (command, status, detail) => {
    expect(await run(command)).toMatchObject({ status, detail, commit: "c0ffee" });
  });

  test("a folder that is gone is a check that could not start", async () => {
    const lost = { ...place, worktree: join(worktree, "nowhere") };
    const result = await runCheck(makeCheck("true"), lost, null);
    expect(result.status).toBe("inconclusive");
    expect(result.detail).toMatch(/^could not start/);
  });

  test("a hanging command times out and is gone", async () => {
    let leader: ProcessIdentity | null = null;
    const result = await runCheck(
      makeCheck("sleep 600", { timeoutMs: 300 }),
      {
        ...place,
        onProcess: (identity) => {
          leader = identity;
        },
      },
      null,
    );
    expect(result).toMatchObject({ status: "inconclusive", detail: "timed out after 0.3 s" });
    expect(leader).toMatchObject({ pid: expect.any(Number) });
    const { pid } = leader as unknown as ProcessIdentity;
    expect(() => process.kill(pid, 0)).toThrow();
  });

  test("abort ends it by throwing the signal's reason", async () => {
    const controller = new AbortController();
    const stopped = runCheck(
      makeCheck("sleep 600"),
      {
        ...place,
        signal: controller.signal,
        onProcess: () => controller.abort(new Error("shutting down")),
      },
      null,
    );
    await expect(stopped).rejects.toThrow("shutting down");
  });

  test("it sees its own variables, CI, and none of the daemon's", async () => {
    process.env.DEPUTY_TEST_SECRET = "canary";
    try {
      const { outputTail } = await run(
        'echo "$PORT $CI [$DEPUTY_TEST_SECRET]"; test -t 0 || echo no tty',
      );
      expect(outputTail).toBe("4711 true []\nno tty".replace("true", "1"));
    } finally {
      delete process.env.DEPUTY_TEST_SECRET;
    }
  });

  test("output: the end is kept short and clean, the whole goes to the log", async () => {
    const logPath = join(worktree, "logs", "flood.log");
    const result = await runCheck(makeCheck("seq 1 5000; printf 'nul:\\0 end'"), place, logPath);
    expect(result.outputTail.split("\n")).toHaveLength(60);
    expect(result.outputTail).toMatch(/nul: end$/);
    expect(await readFile(logPath, "utf8")).toMatch(/^1\n2\n/);
  });
});

describe("report files", () => {
  const report = `<testsuite name="s"><testcase classname="c" name="t"/></testsuite>`;

  test("the report that the command writes is read", async () => {
    const { tests } = await run(`mkdir -p out; echo '${report}' > out/r.xml`, {
      report: "out/r.xml",
    });
    expect(tests).toMatchObject({ format: "junit", tests: { "s > c > t": "passed" } });
  });

  test("one that lay there before is not", async () => {
    await writeFile(join(worktree, "old.xml"), report);
    expect((await run("true", { report: "old.xml" })).tests).toBeNull();
  });

  test("one that leads out of the worktree is neither read nor deleted", async () => {
    const outside = await mkdtemp(join(tmpdir(), "deputy-outside-"));
    try {
      await writeFile(join(outside, "r.xml"), report);
      await symlink(outside, join(worktree, "way"));
      expect((await run("true", { report: "way/r.xml" })).tests).toBeNull();
      expect(await readdir(outside)).toEqual(["r.xml"]);
    } finally {
      await rm(outside, { recursive: true, force: true });
    }
  });
});

describe("a whole verification", () => {
  let repository: TestRepository;
  let base: string;
  let commit: string;

  beforeAll(async () => {
    repository = await TestRepository.create();
    base = await repository.commit({ "file.txt": "one\n" });
    commit = await repository.commit({ "file.txt": "two\n" }, base);
  });
  afterAll(async () => {
    expect(await readdir(repository.workRoot)).toEqual([]);
    await repository.remove();
  });

  test("red, then green on the same commit is flaky, and inconclusive", async () => {
    const flaky = makeCheck("test -e seen || { touch seen; exit 1; }", { kind: "acceptance" });
    const verdict = await verify(repository, base, commit, [flaky]);
    expect(verdict.result).toBe("inconclusive");
    expect(verdict.checks[0]).toMatchObject({
      reason: expect.stringContaining("flaky: exit 1, then exit 0 on the same commit"),
      run: { status: "red" },
      rerun: { status: "green" },
    });
  });

  test("a check that cannot start or runs out of time is inconclusive; a failing one decides", async () => {
    const checks = [
      makeCheck("no-such-program-here"),
      makeCheck("sleep 600", { timeoutMs: 200, kind: "acceptance" }),
    ];
    const open = await verify(repository, base, commit, checks);
    expect(open.result).toBe("inconclusive");
    expect(open.summary).toBe(
      "`no-such-program-here`: could not start: exit 127, `sleep 600`: timed out after 0.2 s",
    );
    const failed = await verify(repository, base, commit, [
      ...checks,
      makeCheck("grep -q one file.txt"),
    ]);
    expect(failed.result).toBe("fail");
    expect(failed.checks[2]?.reason).toBe("green before, now exit 1");
  });

  test("without names of tests an exit code may stay as bad as it was", async () => {
    const verdict = await verify(repository, base, commit, [makeCheck("exit 2")]);
    expect(verdict.checks[0]).toMatchObject({ result: "pass", reason: "red before too (exit 2)" });
    const unknown = await verify(repository, base, commit, [makeCheck("exit 2")], {
      baseline: null,
    });
    expect(unknown.result).toBe("inconclusive");
  });

  test("setup that fails only on the change is its failure; on both it is nobody's", async () => {
    const check = makeCheck("true");
    const setup = ["true", "grep -q one file.txt"];
    const broken = await verify(repository, base, commit, [check], { setup });
    expect(broken).toMatchObject({ result: "fail" });
    expect(broken.checks[0]).toMatchObject({
      check: { name: "setup", command: "grep -q one file.txt" },
      reason: "setup fails (exit 1), and worked on the base",
    });
    expect(broken.notChecked[0]).toBe("`true` was not run, because setup failed.");
    const both = await verify(repository, base, commit, [check], { setup: ["false"] });
    expect(both).toMatchObject({ result: "inconclusive" });
  });

  test("every check is reported as it ends, processes too, and logs are named after checks", async () => {
    const reported: CheckResult[] = [];
    const processes: ProcessIdentity[] = [];
    await verify(repository, base, commit, [makeCheck("true"), makeCheck("echo hi | cat")], {
      onCheck: (result) => {
        reported.push(result);
      },
      onProcess: (identity) => {
        processes.push(identity);
      },
    });
    expect(reported.map(({ check, result }) => [check.name, result])).toEqual([
      ["true", "pass"],
      ["echo hi | cat", "pass"],
    ]);
    expect(processes.length).toBeGreaterThan(0);
    expect(await readdir(repository.logRoot)).toContain("02-echo-hi-cat.log");
  });

  test("an abort in the middle leaves no worktree", async () => {
    const controller = new AbortController();
    const stopped = runBaseline({
      ...surroundings(repository, await repository.mirror()),
      baseCommit: base,
      checks: [makeCheck("sleep 600")],
      signal: controller.signal,
      onProcess: () => controller.abort(new Error("parked")),
    });
    await expect(stopped).rejects.toThrow("parked");
    expect(await readdir(repository.workRoot)).toEqual([]);
  });
});
