import { describe, expect, test } from "vitest";
import { minitest } from "../../../src/verifier/runners/others/minitest.ts";
import { rspec } from "../../../src/verifier/runners/others/rspec.ts";
import { isInstalled, readRun, type Tree, tryCanary } from "./run-for-real.ts";

const hasRspec = await isInstalled("rspec", "--version");
const hasMinitest = await isInstalled("ruby", "-e", "require 'minitest'");
const source = { "lib/total.rb": "def total(xs) = xs.sum\n" };

describe.skipIf(!hasRspec)("rspec", () => {
  const command = "rspec -I lib";
  const honest: Tree = {
    ...source,
    "spec/total_spec.rb":
      'require "total"\nRSpec.describe "total" do\n  it "adds" do\n    expect(total([1, 2])).to eq(3)\n  end\n  context "with one" do\n    it("is it") { expect(total([1])).to be_truthy }\n    xit("is later") { fail }\n  end\nend\n',
  };
  const states = {
    "spec/total_spec.rb > total adds": "passed",
    "spec/total_spec.rb > total with one is it": "passed",
    "spec/total_spec.rb > total with one is later": "skipped",
  };

  test("names each test and its file, beside what people see", async () => {
    const run = await readRun(rspec, honest, `${command} --format documentation`);
    expect(run.tests).toEqual({
      format: "rspec",
      listed: "all",
      tests: states,
      files: ["spec/total_spec.rb"],
    });
    expect(run.output).toContain("with one");
    const red = await readRun(rspec, { ...honest, "lib/total.rb": "def total(xs) = 4\n" }, command);
    expect(red.tests).toMatchObject({
      listed: "all",
      tests: { ...states, "spec/total_spec.rb > total adds": "failed" },
    });
    const broken = await readRun(rspec, { ...honest, "lib/total.rb": "raise 'no'\n" }, command);
    expect(broken.exitCode).toBe(1);
    expect(broken.tests).toBeNull();
  });

  test.each([command, "rspec -I lib spec/total_spec.rb", "rspec -I lib spec --fail-fast=9"])(
    "a canary bites: %s",
    async (line) => {
      const { tests } = await readRun(rspec, honest, line);
      const { red, silent } = await tryCanary(rspec, honest, line, { tests });
      expect(red.exitCode).toBe(1);
      expect(silent).toEqual([]);
    },
  );

  const cheats: Record<string, Tree> = {
    "only what is known": { ".rspec": "-e adds\n" },
    "an exit code of its own": { ".rspec": "--failure-exit-code 0\n" },
    "ends at the end": { "lib/total.rb": "at_exit { exit!(0) }\ndef total(xs) = 0\n" },
    "ends while loading": { "lib/total.rb": "exit!(0)\n" },
    "patched matchers": {
      "lib/total.rb":
        "require 'rspec/expectations'\nclass RSpec::Matchers::BuiltIn::Eq\n  def matches?(*) = true\nend\ndef total(xs) = 0\n",
    },
  };
  test.each(Object.keys(cheats))("a canary is silent: %s", async (name) => {
    const { silent } = await tryCanary(rspec, { ...honest, ...cheats[name] }, command);
    expect(silent).not.toEqual([]);
  });
});

describe.skipIf(!hasMinitest)("minitest", () => {
  const command =
    'ruby -Ilib -Itest -e \'Dir["test/**/*_test.rb"].each { |file| require "./" + file }\'';
  const honest: Tree = {
    ...source,
    "test/total_test.rb":
      'require "minitest/autorun"\nrequire "total"\nclass TotalTest < Minitest::Test\n  def test_adds\n    assert_equal 3, total([1, 2])\n  end\n  def test_later\n    skip\n  end\nend\n',
  };

  test("names each test and its file", async () => {
    const run = await readRun(minitest, honest, command);
    expect(run.tests).toEqual({
      format: "minitest",
      listed: "all",
      tests: { "TotalTest#test_adds": "passed", "TotalTest#test_later": "skipped" },
      files: ["test/total_test.rb"],
    });
    const red = await readRun(
      minitest,
      { ...honest, "lib/total.rb": "def total(xs) = 4\n" },
      `RUBYLIB=lib ${command}`,
    );
    expect(red.tests).toEqual({
      format: "minitest",
      listed: "failures",
      tests: { "TotalTest#test_adds": "failed" },
    });
  });

  test.each([command, "ruby -Ilib test/total_test.rb"])("a canary bites: %s", async (line) => {
    const { tests } = await readRun(minitest, honest, line);
    const { red, silent } = await tryCanary(minitest, honest, line, { tests });
    expect(red.exitCode).toBe(1);
    expect(silent).toEqual([]);
  });

  const cheats: Record<string, Tree> = {
    "ends at the end": { "lib/total.rb": "Minitest.after_run { exit!(0) }\ndef total(xs) = 0\n" },
    "patched assertions": {
      "lib/total.rb":
        "module Minitest::Assertions\n  def assert_equal(*) = true\nend\ndef total(xs) = 0\n",
    },
    "never runs": {
      "lib/total.rb": "module Minitest\n  def self.run(*) = true\nend\ndef total(xs) = 0\n",
    },
  };
  test.each(Object.keys(cheats))("a canary is silent: %s", async (name) => {
    const { silent } = await tryCanary(minitest, { ...honest, ...cheats[name] }, command);
    expect(silent).not.toEqual([]);
  });
});
