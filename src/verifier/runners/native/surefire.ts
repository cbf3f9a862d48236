import { posix } from "node:path";
import { parseSurefire } from "../../parsers/surefire.ts";
import { findHost } from "../find-hosts.ts";
import type { Canary, CanaryInput, Runner } from "../runner.ts";

/**
 * Maven and Gradle leave JUnit reports in the tree, whatever runs in them: JUnit 3, 4, 5, TestNG.
 * Reports from before the run are removed.
 */
export const surefire: Runner = {
  name: "surefire",
  isUsed: ({ texts }) => /(?:^|[\s/;&|"'])(?:mvnw?|gradlew?|mvnd)(?=$|[\s;&|"'])/m.test(texts),
  nameTests: ({ command }) => ({
    command,
    env: {},
    files: [],
    reports: [],
    treeReports: [
      "**/target/surefire-reports/TEST-*.xml",
      "**/target/failsafe-reports/TEST-*.xml",
      "**/build/test-results/**/TEST-*.xml",
    ],
  }),
  readOutput: parseSurefire,
  placeCanary,
};

type Api = { annotation: string; fail: string; alone: string };

/** How a file's tests are marked, and how one of them fails. */
function readApi(text: string): Api | null {
  const own = (staticClass: string, otherwise: string) =>
    new RegExp(`import static ${staticClass.replaceAll(".", "\\.")}\\.(?:\\*|assertEquals)`).test(
      text,
    )
      ? 'assertEquals("x", "y");'
      : otherwise;
  if (/\borg\.junit\.jupiter\.api\b/.test(text)) {
    const alone = 'org.junit.jupiter.api.Assertions.assertEquals("x", "y");';
    return {
      annotation: "@org.junit.jupiter.api.Test",
      alone,
      fail: own("org.junit.jupiter.api.Assertions", alone),
    };
  }
  if (/\borg\.testng\b/.test(text)) {
    const alone = 'org.testng.Assert.assertEquals("x", "y");';
    return {
      annotation: "@org.testng.annotations.Test",
      alone,
      fail: own("org.testng.Assert", alone),
    };
  }
  if (/\borg\.junit\.(?:Test|\*)/.test(text)) {
    const alone = 'org.junit.Assert.assertEquals("x", "y");';
    return { annotation: "@org.junit.Test", alone, fail: own("org.junit.Assert", alone) };
  }
  if (/\bextends\s+(?:junit\.framework\.)?TestCase\b/.test(text)) {
    return { annotation: "", alone: 'assertEquals("x", "y");', fail: 'assertEquals("x", "y");' };
  }
  return null;
}

async function placeCanary(input: CanaryInput): Promise<Canary | null> {
  const classes = Object.keys(input.tests?.tests ?? {}).map((name) => name.split(" > ")[0] ?? "");
  const ran = new Set(classes.map((name) => name.split(".").at(-1) ?? ""));
  const isTest = (path: string) =>
    /(?:^|\/)src\/\w*[tT]est\w*\/java\/.*\.java$/.test(path) &&
    (ran.size === 0 || ran.has(posix.basename(path, ".java")) || input.prefer.includes(path));
  const host = await findHost(input, {
    isTest,
    fits: (text) =>
      readApi(text) !== null && /^}\s*$/m.test(text) && !/\babstract\s+class\b/.test(text),
    spell: (path) => [posix.basename(path, ".java")],
  });
  const api = host && readApi(host.text);
  if (!host || !api) return null;
  const method = (part: string, fail: string) =>
    `  ${api.annotation}${api.annotation ? "\n  " : ""}public void test${input.token}${part}() {\n    ${fail}\n  }\n`;
  const extra = /\bimport static org\.assertj\.core\.api\.Assertions\.(?:\*|assertThat);/.test(
    host.text,
  )
    ? method("b", 'assertThat("x").isEqualTo("y");')
    : "";
  const end = host.text.lastIndexOf("}");
  const inside = `${host.text.slice(0, end).trimEnd()}\n\n${method("a", api.fail)}${extra}${host.text.slice(end)}`;
  const files = [{ path: host.path, text: inside }];
  const names = [`test${input.token}a`, ...(extra ? [`test${input.token}b`] : [])];
  const name = nameBeside(posix.basename(host.path, ".java"), input.token);
  const isChosen = host.isNamed || /-Dtest=|--tests\b/.test(input.about.texts);
  if (name !== null && !isChosen) {
    const clause = /^\s*package\s+[\w.]+;/m.exec(host.text)?.[0].trim() ?? "";
    const base = api.annotation === "" ? " extends junit.framework.TestCase" : "";
    files.push({
      path: posix.join(posix.dirname(host.path), `${name}.java`),
      text: `${clause}\n\npublic class ${name}${base} {\n${method("c", api.alone)}}\n`,
    });
    names.push(`test${input.token}c`);
  }
  return { files, names };
}

function nameBeside(name: string, token: string): string | null {
  const suffix = /(?:Tests?|TestCase|IT|ITCase|Spec)$/.exec(name)?.[0];
  if (suffix) return `C${token}${suffix}`;
  return name.startsWith("Test") ? `TestC${token}` : null;
}
