import { describe, expect, test } from "vitest";
import { prove } from "../../../src/verifier/runners/others/prove.ts";
import { isInstalled, readRun, type Tree, tryCanary } from "./run-for-real.ts";

const installed = await isInstalled("prove", "--version");
const command = "prove -l t";
const honest: Tree = {
  "lib/Total.pm": "package Total;\nsub total { my $s = 0; $s += $_ for @_; return $s }\n1;\n",
  "t/total.t":
    'use strict;\nuse warnings;\nuse Test::More;\nuse Total;\nis(Total::total(1, 2), 3, "adds");\nsubtest "each" => sub { ok(Total::total($_) == $_, "one $_") for 1, 2; };\nSKIP: { skip "later", 1; ok(0, "never"); }\ndone_testing;\n',
  "t/plan.t": 'use Test::More tests => 1;\nuse Total;\nok(Total::total(1), "one");\n',
};
const states = {
  "t/plan.t > one": "passed",
  "t/total.t > adds": "passed",
  "t/total.t > each": "passed",
  "t/total.t > each > one 1": "passed",
  "t/total.t > each > one 2": "passed",
};

describe.skipIf(!installed)("prove", () => {
  test("names each test and its file, beside what people see", async () => {
    const run = await readRun(prove, honest, command);
    expect(run.tests).toMatchObject({
      listed: "all",
      tests: states,
      files: ["t/plan.t", "t/total.t"],
    });
    expect(run.output).toMatch(/t\/total\.t \.+ ok/);
    expect(run.output).not.toContain("adds");
  });

  test("a file that dies, or does not keep its plan, is told apart", async () => {
    const dies = await readRun(
      prove,
      { ...honest, "t/total.t": "use Test::More;\nok(1, 'a');\ndie 'no';\n" },
      command,
    );
    expect(dies.tests).toMatchObject({
      listed: "some",
      tests: {
        "t/plan.t > one": "passed",
        "t/total.t > a": "passed",
        "t/total.t (whole file)": "failed",
      },
    });
    const broken = await readRun(prove, { ...honest, "lib/Total.pm": "package Total;\n" }, command);
    expect(broken.tests?.tests).toEqual({
      "t/total.t (whole file)": "failed",
      "t/plan.t (whole file)": "failed",
    });
  });

  test.each([command, "prove -l -j2 -v", "prove -l t/total.t", "perl -Ilib t/total.t"])(
    "a canary bites: %s",
    async (line) => {
      const { red, silent } = await tryCanary(prove, honest, line);
      expect(red.exitCode).not.toBe(0);
      expect(silent).toEqual([]);
    },
  );

  const cheats: Record<string, Tree> = {
    "other arguments": { ".proverc": "--dry\n" },
    "another harness": { ".proverc": "-e true\n" },
    "ends while loading": { "lib/Total.pm": "package Total;\nuse POSIX;\nPOSIX::_exit(0);\n1;\n" },
    "patched tests": {
      "lib/Total.pm":
        "package Total;\nuse Test::Builder;\nno warnings;\n*Test::Builder::is_eq = sub { $_[0]->ok(1, $_[3]) };\nsub total { 0 }\n1;\n",
    },
    "says ok": {
      "lib/Total.pm":
        "package Total;\nprint qq{ok 1 - adds\\n1..1\\n};\nclose STDOUT;\nsub total { 0 }\nEND { $? = 0 }\n1;\n",
    },
  };
  test.each(Object.keys(cheats))("a canary is silent: %s", async (name) => {
    const { silent } = await tryCanary(prove, { ...honest, ...cheats[name] }, command);
    expect(silent).not.toEqual([]);
  });

  test("an exit code that is ignored", async () => {
    const tree = {
      ...honest,
      ".proverc": "--ignore-exit\n",
      "t/total.t": "use Test::More;\nok(1, 'a');\ndone_testing;\ndie 'no';\n",
    };
    const run = await readRun(prove, tree, command);
    expect(run.exitCode).toBe(0);
  });
});
