import type { Task } from "../../core/task/task.ts";
import { commitTree } from "../../worktree/commits/commit-tree.ts";
import { composeTree } from "../../worktree/commits/compose-commit.ts";
import type { Mirror } from "../../worktree/mirror/open-mirror.ts";
import { parseRepository } from "../../worktree/mirror/repository-url.ts";
import { findHooksPath } from "../../worktree/mirror/source-repository.ts";
import { listFilesAt, readFileAt } from "../../worktree/read/read-commit.ts";

/**
 * The repository's own commit-msg hook as a check of the messages that are to be delivered. It runs
 * in a box, in a clean worktree of the base commit, where an agent's change has no say in it; never
 * in the user's checkout. One run tries every wording at once, and a message that the repository
 * took before, which tells a hook that refuses from one that cannot run there.
 */
export type RunHook = (
  /** Has the files that the command reads. */
  run: { commit: string; command: string },
) => Promise<string | null>;

export type Tried = { style: number; note: string | null };

/** `styles`: each has the messages of all commits, the wanted wording first. */
export async function tryMessages(
  mirror: Mirror,
  hook: Hook,
  { base, before, styles }: { base: string; before: string; styles: readonly string[][] },
  runHook: RunHook,
): Promise<Tried> {
  const all = new Map<string, string>();
  for (const [style, messages] of styles.entries())
    for (const [at, text] of messages.entries()) all.set(`${style}.${at}`, text);
  all.set("before", before);
  const script = writeScript(hook.command, [...all.keys()]);
  const files = new Map(
    [...all, ["run", script] as const].map(([name, text]) => [`${folder}/${name}`, { text }]),
  );
  const commit = await commitTree(
    mirror,
    await composeTree(mirror, base, files),
    [base],
    "trial: commit-msg",
  );
  const said = await runHook({ commit, command: `sh ${folder}/run` });
  return judgeMessages(hook.name, said ?? "", styles);
}

const folder = ".deputy-messages";

/** The last line says what each message came to, those before it why the first was refused. */
function writeScript(command: string, names: readonly string[]): string {
  const lines = names.map(
    (name) =>
      `said=$(${command} ${folder}/${name} 2>&1); code=$?; codes="$codes ${name}=$code"; [ $code = 0 ] || [ -n "$why" ] || why=$(printf '%s\n' "$said" | tail -n 4)`,
  );
  return ["codes=; why=", ...lines, `printf '%s\n' "$why"`, 'echo "deputy:$codes"', ""].join("\n");
}

/** The first wording of which every message is taken. Pure. */
export function judgeMessages(
  hook: string,
  output: string,
  styles: readonly (readonly string[])[],
): Tried {
  const at = output.lastIndexOf("deputy:");
  const line = at < 0 ? "" : output.slice(at);
  const codes = new Map([...line.matchAll(/(\S+)=(\d+)/g)].map(([, name, code]) => [name, code]));
  const isTaken = (style: number) =>
    (styles[style] ?? []).every((_, at) => codes.get(`${style}.${at}`) === "0");
  const found = styles.findIndex((_, style) => isTaken(style));
  if (found >= 0) return { style: found, note: null };
  if (codes.get("before") !== "0")
    return { style: 0, note: `the messages of its commits were not tried: ${hook} did not run` };
  const reason = output.slice(0, at).replace(/\s+/g, " ").trim().slice(0, 200);
  const note = `${hook} refuses a message of its commits${reason ? ` (${reason})` : ""}`;
  return { style: 0, note };
}

/** What runs in place of git, by the name of its file. */
export type Hook = { name: string; command: string };

/** The hook by the base commit's files, and by where the checkout says that its hooks are. */
export async function findHook(
  mirror: Mirror,
  base: string,
  task: Pick<Task, "repository">,
): Promise<Hook | null> {
  const files = new Set(await listFilesAt(mirror, base));
  if (files.has(".husky/commit-msg"))
    return {
      name: ".husky/commit-msg",
      command: 'PATH="node_modules/.bin:$PATH" sh -e .husky/commit-msg',
    };
  const path = await findHooksPath(parseRepository(task.repository));
  if (path !== null && files.has(`${path}/commit-msg`)) {
    const quoted = `'${`./${path}/commit-msg`.replaceAll("'", "'\\''")}'`;
    return { name: `${path}/commit-msg`, command: quoted };
  }
  const has = async (names: readonly string[], pattern: RegExp) => {
    for (const name of names)
      if (files.has(name) && pattern.test((await readFileAt(mirror, base, name)) ?? ""))
        return name;
    return null;
  };
  const lefthook = await has(lefthookFiles, /^\s*["']?commit-msg["']?\s*[:=\]]|\[commit-msg/m);
  if (lefthook)
    return { name: lefthook, command: 'PATH="node_modules/.bin:$PATH" lefthook run commit-msg' };
  const preCommit = await has([".pre-commit-config.yaml"], /\bcommit-msg\b/);
  if (!preCommit) return null;
  const command = "pre-commit run --hook-stage commit-msg --commit-msg-filename";
  return { name: preCommit, command };
}

const lefthookFiles = ["", "."].flatMap((dot) =>
  ["yml", "yaml", "toml", "json"].map((ending) => `${dot}lefthook.${ending}`),
);
