import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "./make-run.ts";

/** A program that says what was written down of a real one, a list of lines for each time it is run. */
export type FakeProgram = {
  path: string;
  /** How it was run, from 0: arguments, stdin and environment. */
  call(index: number): Promise<{ args: string[]; input: string; env: string }>;
};

export async function makeProgram(
  replies: readonly { lines: readonly (object | string)[]; ending?: string }[],
): Promise<FakeProgram> {
  const folder = await makeFolder();
  const path = join(folder, "program");
  for (const [index, { lines, ending = "exit 0" }] of replies.entries()) {
    const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
    await writeFile(join(folder, `out.${index}`), `${text.join("\n")}\n`);
    await writeFile(join(folder, `then.${index}`), `${ending}\n`);
  }
  await writeFile(join(folder, "count"), "0");
  await writeFile(
    path,
    `#!/bin/sh
n=$(cat ${folder}/count); echo $((n + 1)) > ${folder}/count
for word in "$@"; do printf '%s\\0' "$word"; done > ${folder}/args.$n
case " $* " in
  *" --input-format "*) head -n 1 > ${folder}/in.$n ;; # its stdin stays open while it works
  *) cat > ${folder}/in.$n ;;
esac
env > ${folder}/env.$n
cat ${folder}/out.$n
. ${folder}/then.$n
`,
  );
  await chmod(path, 0o755);
  const read = (name: string) => readFile(join(folder, name), "utf8");
  return {
    path,
    call: async (index) => ({
      args: (await read(`args.${index}`)).split("\0").slice(0, -1),
      input: await read(`in.${index}`),
      env: await read(`env.${index}`),
    }),
  };
}
