import { posix } from "node:path";
import type { TestResults } from "../../../core/proof/verdict.ts";
import { makeTestResults, type TestEntry } from "../../parsers/test-list.ts";
import { findHost } from "../find-hosts.ts";
import type { Canary, CanaryInput, Runner } from "../runner.ts";
import { rubyReport, writeMinitestPlugin } from "./ruby-reporter.ts";

/** minitest loads plugins from Ruby's path; for test-unit and later versions the output is read. */
export const minitest: Runner = {
  name: "minitest",
  isUsed: ({ texts }) =>
    /\brake\s+test\b|\b(?:rails|m)\s+test\b|\bminitest\b|Rake::TestTask|\bruby\b[^\n;&|]{0,200}\btests?\b|\brake\s*(?:$|[;&|])/m.test(
      texts,
    ),
  nameTests: ({ command, texts }, place) => ({
    command,
    env: /\bRUBYLIB\b/.test(texts) ? {} : { RUBYLIB: place.folder },
    files: [writeMinitestPlugin(place)],
    reports: [rubyReport],
  }),
  readOutput,
  placeCanary,
};

/** `Failure:` comes before the test's name and place. */
function readOutput(output: string): TestResults | null {
  const counts = /^(\d+) (?:runs|tests), \d+ assertions, (\d+) failures, (\d+) errors/m.exec(
    output,
  );
  if (!counts) return null;
  const entries: TestEntry[] = [];
  let isNext = false;
  for (const line of output.split("\n")) {
    const inline = /^\s*(?:\d+\) )?(?:Failure|Error):\s*(\w+\(\S{1,200}\))?/.exec(line);
    const name = isNext ? /^([\w:]{1,300}#\S{1,300}?)(?: \[|:?$)/.exec(line)?.[1] : inline?.[1];
    if (name !== undefined) entries.push({ name, state: "failed" });
    isNext = inline !== null && inline[1] === undefined;
  }
  return makeTestResults("minitest", entries, counts[1] === "0" ? "all" : "failures");
}

const assertions: Readonly<Record<string, string>> = {
  assert_equal: 'assert_equal "x", "y"',
  assert: "assert 1 > 2",
  refute: "refute 2 > 1",
  assert_nil: 'assert_nil "x"',
  assert_in_delta: "assert_in_delta 1.0, 2.0",
  assert_includes: 'assert_includes ["x"], "y"',
  assert_match: 'assert_match(/y/, "x")',
  assert_raises: "assert_raises(ArgumentError) { nil }",
  assert_predicate: 'assert_predicate "x", :empty?',
};
const testClass = /^\s*class\s+[\w:]+\s*<\s*([\w:]*(?:Test|TestCase)\w*)/m;

async function placeCanary(input: CanaryInput): Promise<Canary | null> {
  const host = await findHost(input, {
    isTest: (path) => /(?:^|\/)(?:test_\w+|\w+_test)\.rb$/.test(path),
    fits: (text) => testClass.test(text),
  });
  if (!host) return null;
  const base = testClass.exec(host.text)?.[1] ?? "Minitest::Test";
  const used = Object.keys(assertions).filter((name) =>
    new RegExp(`\\b${name}\\b`).test(host.text),
  );
  const names: string[] = [];
  const group = (part: string, calls: readonly string[]) => {
    const tests = calls.map((call) => {
      const name = `test_${input.token}${part}${names.length + 1}`;
      names.push(name);
      return `  def ${name}\n    ${assertions[call]}\n  end\n`;
    });
    return `class Test${input.token}${part} < ${base}\n${tests.join("\n")}end\n`;
  };
  const inside = group("a", (used.length > 0 ? used : ["assert_equal"]).slice(0, 5));
  const files = [{ path: host.path, text: append(host.text, inside) }];
  const name = posix.basename(host.path).startsWith("test_")
    ? `test_${input.token}.rb`
    : `${input.token}_test.rb`;
  if (!host.isNamed) {
    const loads =
      host.text.match(
        /^require(?:_relative)?\s.*(?:minitest|test_helper|helper|test\/unit).*$/gm,
      ) ?? [];
    const beside = `${loads.join("\n")}\n\n${group("b", ["assert_equal"])}`;
    files.push({ path: posix.join(posix.dirname(host.path), name), text: beside });
  }
  return { files, names };
}

function append(text: string, added: string): string {
  const end = /^__END__$/m.exec(text)?.index ?? text.length;
  return `${text.slice(0, end).trimEnd()}\n\n${added}${end < text.length ? `\n${text.slice(end)}` : ""}`;
}
