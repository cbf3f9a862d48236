import { posix } from "node:path";
import { parseGoJson } from "../../parsers/go-json.ts";
import { parseGoText } from "../../parsers/go-text.ts";
import { findHost } from "../find-hosts.ts";
import type { Canary, CanaryInput, Runner } from "../runner.ts";

/**
 * Sets Go's variable for flags so that `go test` prints a line for each test. It does not set
 * `-json`, which would also make `go vet` print JSON and succeed whatever it finds.
 */
export const goTest: Runner = {
  name: "go test",
  isUsed: ({ texts }) => /\bgo\s+(?:-C\s+\S+\s+)?test\b|\bgotestsum\b|\bgotest\b/.test(texts),
  nameTests: ({ command, texts }, place) => ({
    command,
    env: {
      ...(/\bGOFLAGS\b/.test(texts) ? {} : { GOFLAGS: "-v" }),
      GOTESTSUM_JUNITFILE: `${place.folder}/gotestsum.xml`,
    },
    files: [],
    reports: ["gotestsum.xml"],
  }),
  readOutput: (output) => parseGoJson(output) ?? parseGoText(output),
  placeCanary,
};

async function placeCanary(input: CanaryInput): Promise<Canary | null> {
  const packages = Object.keys(input.tests?.tests ?? {}).map((name) => name.split(" > ")[0] ?? "");
  const ran = new Set(packages);
  const isRun = (path: string) => {
    const folder = posix.dirname(path);
    return ran.size === 0 || [...ran].some((name) => folder === "." || name.endsWith(`/${folder}`));
  };
  const candidates = input.files.filter((path) => path.endsWith("_test.go") && isRun(path));
  const host = await findHost(
    { ...input, files: candidates.length > 0 ? candidates : input.files },
    {
      isTest: (path) => path.endsWith("_test.go") && !/(?:^|\/)(?:vendor|testdata)\//.test(path),
      fits: (text) =>
        /^func Test\w*\((\w+) \*testing\.T\)/m.test(text) && /^package \w+/m.test(text),
    },
  );
  if (!host) return null;
  const { only, word } = readFilter(input.about.texts);
  const name = (part: string) => `Test${word}_${input.token}${part}`;
  if (only !== null) {
    const changed = failNamed(host.text, only, input.token);
    if (changed === null) return null;
    return { files: [{ path: host.path, text: changed }], names: [only] };
  }
  const { functions, names } = failingFunctions(host.text, name);
  const files = [{ path: host.path, text: `${host.text.trimEnd()}\n\n${functions}` }];
  if (!host.isNamed) {
    const beside = posix.join(posix.dirname(host.path), `${input.token}_test.go`);
    files.push({ path: beside, text: newFile(host.text, name("b"), input.token) });
    names.push(name("b"));
  }
  return { files, names };
}

/** `-run Total` needs a name that contains it; `-run '^TestTotal$'` runs no other test. */
function readFilter(texts: string): { only: string | null; word: string } {
  const found = /-(?:test\.)?run[ =]+(?:"([^"\n]{1,200})"|'([^'\n]{1,200})'|(\S{1,200}))/.exec(
    texts,
  );
  const pattern = found?.[1] ?? found?.[2] ?? found?.[3];
  if (pattern === undefined) return { only: null, word: "" };
  const [first = ""] = pattern.split("/");
  const exact = /^\^?\(?(Test\w+)(?:\|[\w|]+)?\)?\$$/.exec(first)?.[1];
  if (exact !== undefined) return { only: exact, word: "" };
  return { only: null, word: /\w+/.exec(first)?.[0]?.replace(/^Test_?/, "") ?? "" };
}

/** Makes the test of this name fail at its start. */
function failNamed(text: string, test: string, token: string): string | null {
  const start = new RegExp(`^func ${test}\\((\\w+) \\*testing\\.T\\) \\{`, "m").exec(text);
  if (!start) return null;
  const at = start.index + start[0].length;
  return `${text.slice(0, at)}\n\t${start[1]}.Error("${token}")\n${text.slice(at)}`;
}

function failingFunctions(
  text: string,
  name: (part: string) => string,
): { functions: string; names: string[] } {
  const bodies = [`\tif "x" != "y" {\n\t\tt.Fatal("x is not y")\n\t}`];
  for (const each of ["assert", "require"]) {
    const isUsed = text.includes(`testify/${each}"`) && text.includes(`${each}.`);
    if (isUsed) bodies.push(`\t${each}.Equal(t, "x", "y")`);
  }
  const names = bodies.map((_, index) => name(`a${index + 1}`));
  const functions = bodies.map((body, index) => {
    return `func ${names[index]}(t *testing.T) {\n${body}\n}\n`;
  });
  return { functions: functions.join("\n"), names };
}

/** A new file with the package and build tags of the host. */
function newFile(host: string, name: string, token: string): string {
  const tags = host.match(/^\/\/(?:go:build| \+build) .*$/gm) ?? [];
  const clause = /^package \w+/m.exec(host)?.[0] ?? "";
  const head = tags.length > 0 ? `${tags.join("\n")}\n\n` : "";
  return `${head}${clause}\n\nimport "testing"\n\nfunc ${name}(t *testing.T) {\n\tif len("${token}") != 0 {\n\t\tt.Fatal("it is not empty")\n\t}\n}\n`;
}
