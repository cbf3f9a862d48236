import { posix } from "node:path";
import type { TestResults } from "../../../core/proof/verdict.ts";
import { makeTestResults, type TestEntry } from "../../parsers/test-list.ts";
import { findHost } from "../find-hosts.ts";
import type { Canary, CanaryInput, Runner } from "../runner.ts";
import { rspecListener, rubyReport, writeRspecListener } from "./ruby-reporter.ts";

/** RSpec loads our listener through its options variable; a formatter would replace the user's. */
export const rspec: Runner = {
  name: "rspec",
  isUsed: ({ texts }) =>
    /\b(?:parallel_)?rspec\b|\brake\s+spec\b|RSpec::Core::RakeTask/.test(texts),
  nameTests: ({ command, texts }, place) => ({
    command,
    env: /\bSPEC_OPTS\b/.test(texts)
      ? {}
      : { SPEC_OPTS: `--require ${place.folder}/${rspecListener}` },
    files: [writeRspecListener(place)],
    reports: [rubyReport],
  }),
  readOutput,
  placeCanary,
};

/** Reads the final list of failures: `rspec ./spec/a_spec.rb:5 # Total adds`. */
function readOutput(output: string): TestResults | null {
  const counts = /^(\d+) examples?, (\d+) failures?/m.exec(output);
  if (!counts) return null;
  const entries: TestEntry[] = [];
  for (const line of output.split("\n")) {
    const found = /^rspec \.?\/?(\S+?)(?::\d+|\[[\d:,]+\]) # (.{1,500})$/.exec(line);
    if (found) entries.push({ name: `${found[1]} > ${found[2]}`, state: "failed" });
  }
  const isCut = /errors? occurred outside of examples/.test(output);
  const listed = counts[1] === "0" ? "all" : "failures";
  return makeTestResults("rspec", entries, isCut ? "some" : listed);
}

const matchers: Readonly<Record<string, string>> = {
  eq: 'expect("x").to eq("y")',
  eql: 'expect("x").to eql("y")',
  be: "expect(1).to be > 2",
  be_truthy: "expect(nil).to be_truthy",
  be_falsey: "expect(1).to be_falsey",
  be_nil: "expect(1).to be_nil",
  include: 'expect(["x"]).to include("y")',
  match: 'expect("x").to match(/y/)',
  raise_error: "expect { nil }.to raise_error(ArgumentError)",
};

async function placeCanary(input: CanaryInput): Promise<Canary | null> {
  const host = await findHost(input, {
    isTest: (path) => path.endsWith("_spec.rb"),
    fits: (text) => /\b(?:describe|context|feature)\b/.test(text),
  });
  if (!host) return null;
  const used = Object.keys(matchers).filter((name) =>
    new RegExp(`\\.(?:to|not_to|to_not) ${name}\\b`).test(host.text),
  );
  const names: string[] = [];
  const group = (part: string, calls: readonly string[]) => {
    const tests = calls.map((call) => {
      const name = `${input.token}${part}${names.length + 1}`;
      names.push(name);
      return `  it "${name}" do\n    ${matchers[call]}\n  end\n`;
    });
    return `RSpec.describe "${input.token}" do\n${tests.join("\n")}end\n`;
  };
  const inside = group("a", (used.length > 0 ? used : ["eq"]).slice(0, 5));
  const files = [{ path: host.path, text: append(host.text, inside) }];
  const beside = posix.join(posix.dirname(host.path), `${input.token}_spec.rb`);
  if (!host.isNamed) files.push({ path: beside, text: group("b", ["eq"]) });
  return { files, names };
}

/** Appends before the file's data, if it has any. */
function append(text: string, added: string): string {
  const end = /^__END__$/m.exec(text)?.index ?? text.length;
  return `${text.slice(0, end).trimEnd()}\n\n${added}${end < text.length ? `\n${text.slice(end)}` : ""}`;
}
