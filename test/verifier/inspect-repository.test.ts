import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DeputyError } from "../../src/core/base/error.ts";
import { inspectRepository, mergeChecks } from "../../src/verifier/checks/inspect-repository.ts";
import { readRepositoryConfig } from "../../src/verifier/checks/read-repository-config.ts";
import { makeCheck, TestRepository } from "./repository.ts";

describe(".deputy/config.yaml", () => {
  test("is read whole", () => {
    const text = `
setup: npm ci
checks:
  - npm test
  - name: types
    run: npx tsc
    timeout_minutes: 5
    report: out/r.xml
protected: [infra/**]
delivery: pr
`;
    expect(readRepositoryConfig(text)).toEqual({
      setup: "npm ci",
      checks: [
        "npm test",
        { name: "types", run: "npx tsc", timeout_minutes: 5, report: "out/r.xml" },
      ],
      protected: ["infra/**"],
      delivery: "pr",
    });
    expect(readRepositoryConfig("")).toEqual({});
    expect(readRepositoryConfig("# nothing yet\n")).toEqual({});
  });

  test.each([
    ["setup: a\n\nchekcs: [a]\n", 3, "chekcs", "unknown key `chekcs`; did you mean `checks`?"],
    [
      "color: red\n",
      1,
      "color",
      "unknown key `color`; known keys: setup, checks, services, protected, delivery",
    ],
    [
      "checks:\n  - run: a\n    tiemout_minutes: 5\n",
      3,
      "checks[0].tiemout_minutes",
      "unknown key `tiemout_minutes`; did you mean `timeout_minutes`?",
    ],
    [
      "checks:\n  - a\n  - run: a\n    timeout_minutes: -5\n",
      4,
      "checks[1].timeout_minutes",
      "`checks[1].timeout_minutes`: Too small: expected number to be >0",
    ],
    [
      "checks:\n  - a\n  - 5\n",
      3,
      "checks[1]",
      "`checks[1]`: must be a command, or a map with `run`",
    ],
    [
      "checks:\n  - name: a\n",
      2,
      "checks[0].run",
      "`checks[0].run`: Invalid input: expected string, received undefined",
    ],
    ["setup: 5\n", 1, "setup", "`setup`: must be a command or a list of commands"],
    [
      'setup: a\nchecks: ["b \\0"]\n',
      2,
      "checks[0]",
      "`checks[0]`: holds a NUL or half of a surrogate pair, which no command can",
    ],
    ["checks: npm test\n", 1, "checks", "`checks`: Invalid input: expected array, received string"],
    [
      "delivery: mail\n",
      1,
      "delivery",
      '`delivery`: Invalid option: expected one of "branch"|"pr"',
    ],
    [
      "checks:\n  - run: a\n    report: ../../x\n",
      3,
      "checks[0].report",
      "`checks[0].report`: must be a path inside the repository",
    ],
    ["sparse: []\n", 1, "sparse", "`sparse`: must name a folder, or be left out"],
    ["sparse: a\n", 1, "sparse", "`sparse`: Invalid input: expected array, received string"],
    [
      "- a\n",
      1,
      null,
      "must be a map with these keys: setup, checks, services, protected, delivery",
    ],
    [
      "services:\n  - name: db\n    run: a\n    prot: PGPORT\n",
      4,
      "services[0].prot",
      "unknown key `prot`; did you mean `port`?",
    ],
    [
      "services:\n  - {name: db, run: a}\n  - {name: db, run: b}\n",
      3,
      "services[1].name",
      "`services[1].name`: another service is named db, too",
    ],
    [
      "services:\n  - name: ../db\n    run: a\n",
      2,
      "services[0].name",
      "`services[0].name`: must be at most 40 letters, digits, - and _",
    ],
    [
      "services:\n  - name: db\n    run: a\n    port: 5432\n",
      4,
      "services[0].port",
      "`services[0].port`: must be the name of a variable, or a list of them",
    ],
    [
      "services:\n  - name: db\n    run: a\n    port: [A, DB-PORT]\n",
      4,
      "services[0].port[1]",
      "`services[0].port[1]`: must be the name of a variable, like PGPORT",
    ],
    [
      "services:\n  - {name: db, run: a, port: A}\n  - {name: web, run: a, port: [B, A]}\n",
      3,
      "services[1].port",
      "`services[1].port`: A is the variable of another port",
    ],
    [
      "services:\n  - name: db\n    run: a\n    port: PATH\n",
      4,
      "services[0].port",
      "`services[0].port`: PATH has a meaning of its own",
    ],
    [
      "services:\n  - name: db\n    run: a\n    ready: [a]\n",
      4,
      "services[0].ready",
      "`services[0].ready`: must be a command, or the number of a port",
    ],
    [
      `services:\n  - {name: a, run: a, port: [${Array.from({ length: 20 }, (_, at) => `P${at}`)}]}\n`,
      2,
      "services[0].port",
      "`services[0].port`: services have at most 19 ports in all",
    ],
    ["setup: a\nsetup: b\n", 2, null, "Map keys must be unique"],
    ["a: [1\nb: 2\n", 2, null, ""],
    [`a: &a [1]\nb: [${"*a,".repeat(500)}*a]\n`, 1, null, ""],
  ])("%j names line and field", (text, line, field, message) => {
    const error = (() => {
      try {
        return readRepositoryConfig(text);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(DeputyError);
    expect(error).toMatchObject({ line, field });
    expect((error as DeputyError).message).toContain(
      `\`.deputy/config.yaml\` line ${line}: ${message}`,
    );
  });
});

test("a caller's check that is the repository's takes its place; names stay unique", () => {
  const own = [
    makeCheck("npm test", { name: "tests", report: "r.xml" }),
    makeCheck("npx tsc", { name: "setup" }),
  ];
  const merged = mergeChecks(own, ["npm  test ", "npx tsc --strict", "npx tsc --strict"], "caller");
  expect(
    merged.map(({ name, command, kind, source, report }) => ({
      name,
      command,
      kind,
      source,
      report,
    })),
  ).toEqual([
    { name: "tests", command: "npm test", kind: "acceptance", source: "caller", report: "r.xml" },
    { name: "setup (2)", command: "npx tsc", kind: "regression", source: "config", report: null },
    {
      name: "npx tsc --strict",
      command: "npx tsc --strict",
      kind: "acceptance",
      source: "caller",
      report: null,
    },
  ]);
});

describe("a repository's base commit", () => {
  let repository: TestRepository;
  beforeAll(async () => {
    repository = await TestRepository.create();
  });
  afterAll(() => repository.remove());

  test("configured, detected, neither; the caller's checks beside them", async () => {
    const bare = await repository.commit({ "a.txt": "" });
    const detected = await repository.commit({ "go.mod": "module m\n" }, bare);
    const configured = await repository.commit(
      { ".deputy/config.yaml": "checks: [make check]\nprotected: [infra/]\ndelivery: pr\n" },
      detected,
    );
    const mirror = await repository.mirror();
    expect(await inspectRepository(mirror, bare, [])).toEqual({
      setup: [],
      services: [],
      registries: [],
      checks: [],
      checksSource: "none",
      protectedPaths: [".deputy/**", ".github/workflows/**"],
      proof: null,
      delivery: null,
      notes: [],
      sparse: [],
      tools: { versions: [], usesMise: false },
    });
    const found = await inspectRepository(mirror, detected, ["echo hi"]);
    expect(found.checksSource).toBe("detected");
    expect(found.checks.map(({ command, kind, source }) => [command, kind, source])).toEqual([
      ["go test -json ./...", "regression", "detected"],
      ["echo hi", "acceptance", "caller"],
    ]);
    const asked = await inspectRepository(mirror, configured, []);
    expect(asked).toMatchObject({ checksSource: "config", delivery: "pr" });
    expect(asked.checks.map(({ command }) => command)).toEqual(["make check"]);
    expect(asked.protectedPaths).toContain("infra/");
  });

  test("the registries that its files name are known where something is set up", async () => {
    const npmrc = { ".npmrc": "@acme:registry=https://npm.acme.example/\n" };
    const bare = await repository.commit(npmrc);
    const setUp = await repository.commit({ ...npmrc, ".deputy/config.yaml": "setup: npm ci\n" });
    const mirror = await repository.mirror();
    expect((await inspectRepository(mirror, bare, [])).registries).toEqual([]);
    expect((await inspectRepository(mirror, setUp, [])).registries).toEqual(["npm.acme.example"]);
  });

  test("a program that the detected setup needs and the machine lacks is said, before any work", async () => {
    const locked = {
      "package.json": '{"scripts": {"test": "a"}}',
      "pnpm-lock.yaml": "packages: {}\n",
    };
    const missing = await repository.commit({ ...locked, ".deputy/config.yaml": "" });
    const told = await repository.commit({ ...locked, ".deputy/config.yaml": "setup: npm ci\n" });
    const mirror = await repository.mirror();
    await expect(inspectRepository(mirror, missing, [], () => false)).rejects.toThrow(
      "`pnpm` is not on the PATH of this machine, and the repository's setup `pnpm install --frozen-lockfile` (by pnpm-lock.yaml) needs it. Install it (`npm install -g pnpm`, or `corepack enable`), or name other commands under `setup` and `checks` in .deputy/config.yaml.",
    );
    expect(await inspectRepository(mirror, told, [], () => false)).toMatchObject({
      ...{ setup: ["npm ci"], notes: [], checksSource: "detected" },
    });
  });

  test("sparse folders are told with their size, those inside another one once", async () => {
    const files = { "a/one": "", "a/deep/two": "", "a/other/three": "", "b/four": "", root: "" };
    const config = "sparse: [a/deep/, a/other, a/deep]\nchecks: []\nsetup: []\n";
    const sparse = await repository.commit({ ...files, ".deputy/config.yaml": config });
    const around = config.replace("a/other", "a");
    const wide = await repository.commit({ ...files, ".deputy/config.yaml": around });
    const mirror = await repository.mirror();
    const told = /^sparse: a\/deep, a\/other \(\d+ of \d+ files\)$/;
    expect(await inspectRepository(mirror, sparse, [])).toMatchObject({
      ...{ sparse: ["a/deep", "a/other"], notes: [expect.stringMatching(told)] },
    });
    expect((await inspectRepository(mirror, wide, [])).sparse).toEqual(["a"]);
  });

  test.each([
    ["nowhere", "is no folder of the base commit: correct the name, or take it out"],
    ["/a", "is an absolute path: write it from the repository's root"],
    ["a/../b", 'must be a folder below the root, without "." and ".." in its path'],
    ["a//deep", 'must be a folder below the root, without "." and ".." in its path'],
    [".", 'must be a folder below the root, without "." and ".." in its path'],
    ["a/*", "is a pattern: name a folder, which is taken with all below it"],
    ["a/one", "is a file in the base commit: name the folder around it"],
  ])("no sparse folder: %s", async (name, why) => {
    const config = `setup: []\nsparse:\n  - a\n  - ${JSON.stringify(name)}\n`;
    const wrong = await repository.commit({ "a/one": "", ".deputy/config.yaml": config });
    const mirror = await repository.mirror();
    await expect(inspectRepository(mirror, wrong, [])).rejects.toThrow(
      `\`.deputy/config.yaml\` line 4: \`sparse[1]\`: ${JSON.stringify(name)} ${why}`,
    );
  });

  test("a mistake in the configuration is one clear sentence", async () => {
    const wrong = await repository.commit({ ".deputy/config.yaml": "chekcs: []\n" });
    const mirror = await repository.mirror();
    await expect(inspectRepository(mirror, wrong, [])).rejects.toThrow(
      "`.deputy/config.yaml` line 1: unknown key `chekcs`; did you mean `checks`?",
    );
  });
});
