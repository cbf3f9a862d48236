import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AgentRun } from "../../src/agents/agent.ts";
import type { Cli } from "../../src/agents/cli/cli.ts";
import { makeCliAgent } from "../../src/agents/cli/run-cli.ts";
import { makeFolder, makeRun } from "./make-run.ts";

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

type Line = object | string;

/** A run of a program with a login of its own, which says these lines, once. */
export async function runProgram(
  cli: Cli,
  lines: readonly Line[],
  {
    ending = "exit 0",
    model = null as string | null,
    userHome = "/nonexistent",
    given = {} as Partial<Omit<AgentRun, "meter">>,
  } = {},
) {
  const program = await makeProgram([{ lines, ending }]);
  const run = await makeRun(given);
  const agent = makeCliAgent(cli, { program: [program.path], model, provider: null, userHome });
  return { end: await agent(run), run, call: () => program.call(0) };
}
