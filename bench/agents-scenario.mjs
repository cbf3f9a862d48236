import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { git, makeFolder } from "./support.mjs";

/**
 * The work that every harness does: seventeen rounds of reading a file, editing it and running the
 * tests, two calls short, and a word at the end. What the model says is in agents-server.mjs.
 */
export const turns = 50;
export const brief =
  "Count the value in src/calc.mjs up, one at a time. Read the file before each edit and run the tests with `sh ./test.sh` after it.";

export const file = "src/calc.mjs";
export const kindOf = (turn) => ["read", "edit", "test"][turn % 3];

/** What the scripted model does in a turn, in words that every harness has a tool for. */
export function callOf(turn) {
  const value = Math.floor(turn / 3);
  switch (kindOf(turn)) {
    case "read":
      return { tool: "read", args: { path: file } };
    case "edit":
      return { tool: "edit", args: { path: file, old: lineOf(value), new: lineOf(value + 1) } };
    case "test":
      return { tool: "bash", args: { command: "sh ./test.sh" } };
  }
}

const lineOf = (value) => `export let value = ${value};`;

/** A small repository around the file; the file is what a reader of code usually gets: 200 lines. */
export async function makeProject() {
  const path = await makeFolder("project");
  const body = Array.from(
    { length: 100 },
    (_, i) => `// Step ${i}: adds to the value what the step before it left.\n`,
  );
  const files = {
    [file]: `${lineOf(0)}\n${body.join("")}`,
    "test.sh": `grep -q "export let value" ${file} && echo "ok 1 - the value is there"\n`,
    "package.json": '{ "name": "calc", "private": true, "type": "module" }\n',
    "README.md": "# calc\n\nCounts.\n",
  };
  for (let i = 0; i < 60; i++) {
    files[`src/part-${i % 6}/file-${i}.mjs`] = `export const part${i} = ${i};\n`.repeat(20);
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  git(path, "init", "--quiet", "--initial-branch=main");
  git(path, "add", "--all");
  git(path, "commit", "--quiet", "--message", "start");
  return path;
}
