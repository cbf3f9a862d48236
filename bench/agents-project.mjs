import { file, lineOf } from "./agents-scenario.mjs";
import { makeProjectOf } from "./support.mjs";

/** A small repository around the file; the file is what a reader of code usually gets: 200 lines. */
export async function makeProject() {
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
  return makeProjectOf(files);
}
