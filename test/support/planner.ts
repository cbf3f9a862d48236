import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Scratch } from "./scratch.ts";

/**
 * A planner and a coder as programs. Both find by the goal, which says `(story NAME)`, what they do:
 * the planner prints what was put down as its next answer, the coder writes a file named after its
 * subtask and does what was put down for it. Every brief that they read is kept.
 */
export type Story = {
  /** Goes into the goal. */
  tag: string;
  /** What the planner says when it is called for the nth time, from 1: its `output`, or any JSON. */
  answers(...outputs: unknown[]): Promise<void>;
  /** Lines of shell that a subtask's coder runs. */
  does(key: string, lines: string): Promise<void>;
  /** The briefs of the planner, in order. */
  briefs(): Promise<string[]>;
  /** What the coder of a subtask was told. */
  brief(key: string): Promise<string>;
};

export type Programs = { planner: string; coder: string; tell(name: string): Promise<Story> };

export async function makePrograms(scratch: Scratch): Promise<Programs> {
  const find = `d=${scratch.path}/$(sed -n 's/.*(story \\([a-z-]*\\)).*/\\1/p' "$DEPUTY_BRIEF_FILE" | head -1)`;
  const planner = await scratch.agent(
    "planner.sh",
    `${find}
n=$(( $(ls $d | grep -c '^brief-' || true) + 1 ))
cp "$DEPUTY_BRIEF_FILE" $d/brief-$n
test "$DEPUTY_MODE" = read_only
test ! -e stray.txt; touch stray.txt || true
if [ -e $d/plan-$n.sh ]; then . $d/plan-$n.sh; fi
cat $d/answer-$n`,
  );
  const coder = await scratch.agent(
    "coder.sh",
    `${find}
cp "$DEPUTY_BRIEF_FILE" $d/told-$DEPUTY_SUBTASK
echo $DEPUTY_SUBTASK > $DEPUTY_SUBTASK.txt
if [ -e $d/do-$DEPUTY_SUBTASK.sh ]; then . $d/do-$DEPUTY_SUBTASK.sh; fi`,
  );
  return {
    planner,
    coder,
    tell: async (name) => {
      const folder = join(scratch.path, name);
      await mkdir(folder);
      const read = (file: string) => readFile(join(folder, file), "utf8");
      return {
        tag: `(story ${name})`,
        answers: async (...outputs) => {
          for (const [index, output] of outputs.entries()) {
            const text = `some words before it\n${JSON.stringify({ output })}\n`;
            await writeFile(join(folder, `answer-${index + 1}`), text);
          }
        },
        does: async (key, lines) => writeFile(join(folder, `do-${key}.sh`), `${lines}\n`),
        briefs: async () => {
          const found: string[] = [];
          for (;;) {
            const brief = await read(`brief-${found.length + 1}`).catch(() => null); // no more
            if (brief === null) return found;
            found.push(brief);
          }
        },
        brief: (key) => read(`told-${key}`),
      };
    },
  };
}

/** A subtask as a planner answers it. */
export function part(id: string, set: Record<string, unknown> = {}) {
  return {
    id,
    title: `The ${id}`,
    brief: `Make ${id}.txt.`,
    writes: [`${id}.txt`],
    checks: [],
    depends_on: [],
    independent: true,
    kind: "work",
    ...set,
  };
}
