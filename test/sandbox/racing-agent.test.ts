import { randomUUID } from "node:crypto";
import { lstat, mkdir, readdir, readFile, rename, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readHead } from "../../src/agents/builtin/read-text.ts";
import { findSkills } from "../../src/agents/builtin/skills.ts";
import { makeEditTool } from "../../src/agents/builtin/tools/edit.ts";
import { makeReadTool } from "../../src/agents/builtin/tools/read.ts";
import { searchFiles } from "../../src/agents/builtin/tools/search-files.ts";
import { makeWriteTool } from "../../src/agents/builtin/tools/write.ts";
import { followRecord } from "../../src/agents/cli/follow-record.ts";
import { makeHome } from "../../src/agents/cli/make-home.ts";
import { findRollout } from "../../src/agents/programs/codex-rollout.ts";
import { removeTree } from "../../src/sandbox/files/remove-tree.ts";
import { includeFiles } from "../../src/worktree/checkout/include-files.ts";
import { addWorktree, resetWorktree } from "../../src/worktree/checkout/worktree.ts";
import { openWorktreeKeeper } from "../../src/worktree/commits/keep-worktree.ts";
import { snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { readContainedFile, removeContained } from "../../src/worktree/git/contain-path.ts";
import { localGit } from "../../src/worktree/git/git.ts";
import type { Mirror } from "../../src/worktree/mirror/mirror.ts";
import { openMirror } from "../../src/worktree/mirror/open-mirror.ts";
import { call } from "../agents/tools/call.ts";
import { makeSandboxBench, type SandboxBench } from "../support/sandbox.ts";
import { commit, git, makeRepository, mirrorOf, write } from "../worktree/repositories.ts";

/**
 * An agent that lives while the daemon works on its files, and swaps a folder for a link to elsewhere
 * some hundred thousand times a second. Whatever the daemon does there, all of it at the same time,
 * nothing of elsewhere is read, changed or deleted. `DEPUTY_RACE_S=30` races for so long; without it
 * each place is tried a number of times.
 */
const raceMs = Number(process.env.DEPUTY_RACE_S ?? 0) * 1_000;
const names = ["file", ...Array.from({ length: 12 }, (_, i) => `file-${i}`)];
const canary = (name: string) => `canary of elsewhere, ${name}\n`;
const isCanary = (text: string) => text.includes("canary");
const thread = "01a22310-32f0-7ed3-b541-fad15e60d285";
const rollout = `11/28/rollout-2026-11-28T16-49-53-${thread}.jsonl`;

let bench: SandboxBench;
let mirror: Mirror;
let source: string;
let base: string;
let second: string;

beforeAll(async () => {
  bench = await makeSandboxBench();
  expect(bench.sandbox).toMatchObject({ provider: "bubblewrap" });
  const files = (text: string) =>
    Object.fromEntries(names.map((name) => [`dir/${name}`, `${text} ${name}\n`]));
  const rules = { ".gitignore": "*.env\n", ".worktreeinclude": "*.env\n" };
  source = makeRepository({ ...files("first"), ...rules });
  const first = git(source, "rev-parse", "HEAD");
  second = commit(source, files("second"), "Second");
  const copied = Array.from({ length: 60 }, (_, i) => [`dir/${i}.env`, "the user's\n"]);
  write(source, Object.fromEntries(copied));
  ({ mirror } = await mirrorOf(source, {
    ...localGit,
    limitView: bench.sandbox.limitView,
  }));
  base = first;
});
afterAll(async () => {
  await bench?.remove();
});

/** A place where the daemon works on files; `leaks` are what it read of elsewhere. */
type Place = {
  swapped: string;
  rounds: number;
  work(round: number): Promise<string[] | undefined>;
};

/** One worktree each, so that one place is not undone by another. */
async function makeTree(name: string): Promise<string> {
  const path = join(bench.worktree, name);
  await addWorktree(mirror, path, base);
  return path;
}

async function makePlaces(): Promise<Record<string, Place>> {
  const changed = async (name: string) => {
    const tree = await makeTree(name);
    write(tree, Object.fromEntries(names.map((file) => [`dir/${file}`, `changed ${file}\n`])));
    return tree;
  };
  const options = { parent: base, message: "Snapshot" };
  const snapshotTree = await changed("snapshot");
  const checkpointTree = await changed("checkpoint");
  const keeper = openWorktreeKeeper(mirror, {
    ...{ path: checkpointTree, base, last: base, message: "Checkpoint" },
  });
  const nestedTree = await makeTree("nested");
  git(nestedTree, "init", "--quiet", "inner");
  commit(join(nestedTree, "inner"), { file: "inner\n" }, "Inner");
  const copyTree = await makeTree("copy-in");
  const resetTree = await makeTree("reset");
  const reportTree = await makeTree("report");
  const toolsTree = await makeTree("tools");
  const rulesTree = await makeTree("rules");
  write(rulesTree, { "dir/AGENTS.md": "rules\n" });
  write(rulesTree, { ".agents/skills/one/SKILL.md": "---\nname: one\ndescription: d\n---\n" });
  const removeTop = join(bench.worktree, "remove");
  await mkdir(removeTop);
  const home = join(bench.worktree, "session");
  write(home, { "home/.codex/file": "inside\n" });
  const record = join(bench.worktree, "record");
  write(record, { [`home/.codex/sessions/2026/${rollout}`]: '{"said":"inside"}\n' });
  const tools = {
    ...{ worktree: toolsTree, outputs: join(bench.root, "outputs"), env: { PATH: "" } },
    ...{ signal: new AbortController().signal, seen: new Map(), touch: () => {} },
    runCommand: () => Promise.reject(new Error("not here")),
  };
  return {
    snapshot: {
      ...{ swapped: join(snapshotTree, "dir"), rounds: 8 },
      work: () => quietly(snapshotWorktree(mirror, snapshotTree, options)),
    },
    checkpoint: {
      ...{ swapped: join(checkpointTree, "dir"), rounds: 30 },
      work: (round) =>
        quietly(keeper.keep(round % 4 === 0 ? null : names.map((name) => `dir/${name}`))),
    },
    nested: {
      ...{ swapped: join(nestedTree, "inner"), rounds: 8 },
      work: () => quietly(snapshotWorktree(mirror, nestedTree, options)),
    },
    "copy-in": {
      ...{ swapped: join(copyTree, "dir"), rounds: 4 },
      work: () => quietly(includeFiles(mirror, source, copyTree, base)),
    },
    reset: {
      ...{ swapped: join(resetTree, "dir"), rounds: 8 },
      work: (round) => quietly(resetWorktree(mirror, resetTree, round % 2 === 0 ? second : base)),
    },
    remove: {
      ...{ swapped: join(removeTop, "victim", "dir"), rounds: 40 },
      work: async (round) => {
        const made = join(removeTop, `made-${round}`);
        write(made, Object.fromEntries(names.map((name) => [`dir/${name}`, "mine\n"])));
        await symlink(join(bench.root, "elsewhere", "remove"), join(made, "dir-link"));
        await rename(made, join(removeTop, "victim"));
        await removeTree(join(removeTop, "victim"));
        return [];
      },
    },
    session: {
      ...{ swapped: join(home, "home", ".codex"), rounds: 100 },
      work: () =>
        quietly(
          makeHome(home, {
            files: { ".codex/file": "ours\n", ".codex/file-0": "ours\n" },
            login: { file: ".codex/file-1", lent: "/nonexistent" },
          }),
        ),
    },
    record: {
      ...{ swapped: join(record, "home", ".codex", "sessions", "2026"), rounds: 60 },
      work: async () => {
        const heard: string[] = [];
        const reader = () => (line: unknown) => {
          heard.push(JSON.stringify(line));
          return [];
        };
        const place = { sessionFolder: record, model: "m" };
        const all = { find: findRollout, makeReader: reader };
        const follower = await followRecord(all, place, null, () => {});
        follower.begin(thread);
        await follower.close();
        return heard;
      },
    },
    report: {
      ...{ swapped: join(reportTree, "dir"), rounds: 150 },
      work: async (round) => {
        const read = await readContainedFile(reportTree, "dir/file", 1_000);
        if (round % 3 === 0) await removeContained(reportTree, `dir/file-${round % 12}`);
        return [read?.toString() ?? ""];
      },
    },
    tools: {
      ...{ swapped: join(toolsTree, "dir"), rounds: 60 },
      work: async (round) => [
        await call(makeReadTool(tools), { path: "dir/file" }),
        await call(makeReadTool(tools), { path: "dir" }),
        await call(makeWriteTool(tools), { path: `dir/deep/new-${round}`, content: "new\n" }),
        await call(makeWriteTool(tools), { path: "dir/file-3", content: `written ${round}\n` }),
        await call(makeEditTool(tools), { path: "dir/file", old_text: "f", new_text: "F" }),
        (
          await searchFiles(toolsTree, {
            ...{ pattern: "canary", where: "dir", glob: undefined, maxMatches: 9 },
            signal: tools.signal,
          })
        ).lines.join("\n"),
      ],
    },
    rules: {
      ...{ swapped: join(rulesTree, "dir"), rounds: 100 },
      work: async () => {
        const found = await findSkills(rulesTree);
        return [
          (await readHead(rulesTree, "dir/AGENTS.md", 1_000))?.text ?? "",
          ...found.map(({ description }) => description),
        ];
      },
    },
  };
}

async function quietly(work: Promise<unknown>): Promise<string[]> {
  await work;
  return [];
}

/** The link is there again, whatever became of it: what deletes links ends the race for good. */
async function plant(name: string, swapped: string): Promise<void> {
  for (const path of [swapped, `${swapped}-link`]) {
    if ((await lstat(path).catch(() => null))?.isSymbolicLink()) return;
  }
  await rename(`${swapped}-link`, `${swapped}-${randomUUID()}`).catch(() => {});
  await symlink(join(bench.root, "elsewhere", name), `${swapped}-link`).catch(() => {});
}

/** Swaps each folder with the link beside it, for as long as it lives, and prints a dot now and then. */
const racer = `
use POSIX; $| = 1;
my $nr = (POSIX::uname())[4] eq "aarch64" ? 276 : 316;
my @pairs = map { [$_, "$_-link"] } @ARGV;
for (my $n = 1;; $n++) {
  for my $pair (@pairs) { syscall($nr, -100, $pair->[0], -100, $pair->[1], 2) }
  print "." if $n % 1000 == 0;
}`;

test("a folder that becomes a link at any moment leads the daemon nowhere", async () => {
  const places = Object.entries(await makePlaces());
  const elsewhere: Record<string, string> = {};
  for (const [name] of places) {
    for (const file of [...names, "AGENTS.md", rollout]) {
      const path = join(bench.root, "elsewhere", name, file);
      elsewhere[path] = canary(`${name} ${file}`);
      write(bench.root, { [join("elsewhere", name, file)]: elsewhere[path] });
    }
  }
  const before = (await readdir(join(bench.root, "elsewhere"), { recursive: true })).sort();
  const end = new AbortController();
  const racing = bench.run(
    ["perl", "-e", racer, "--", ...places.map(([, { swapped }]) => swapped)],
    {},
    { signal: end.signal, timeoutMs: raceMs + 300_000, graceMs: 100 },
  );
  const leaks: string[] = [];
  const worked: Record<string, number> = {};
  const until = Date.now() + raceMs;
  await Promise.all(
    places.map(async ([name, { swapped, rounds, work }]) => {
      worked[name] = 0;
      // On a busy machine the swaps may win each of the rounds; then there are more.
      const mayGoOn = (round: number) => worked[name] === 0 && round <= 50 * rounds;
      for (let round = 1; round <= rounds || mayGoOn(round) || Date.now() < until; round++) {
        await plant(name, swapped);
        // What stands still for no moment may well fail; whatever is done is done inside.
        const read = await work(round).then(
          (texts) => {
            worked[name] = (worked[name] ?? 0) + 1;
            return texts ?? [];
          },
          () => [],
        );
        leaks.push(...read.filter(isCanary).map((text) => `${name} read ${text}`));
      }
    }),
  );
  end.abort();
  const { stdout } = await racing;
  expect(stdout.length, "thousands of swaps of each").toBeGreaterThan(10);
  const objects = await openMirror(mirror).run([
    "cat-file",
    "--batch-all-objects",
    "--batch-check",
  ]);
  for (const [path, text] of Object.entries(elsewhere)) {
    const id = (await openMirror(mirror).run(["hash-object", "--stdin"], { input: text })).trim();
    if (objects.includes(id)) leaks.push(`the mirror has ${path}`);
    const now = await readFile(path, "utf8").catch(() => "gone");
    if (now !== text) leaks.push(`${path} is ${now}`);
  }
  expect(leaks).toEqual([]);
  expect((await readdir(join(bench.root, "elsewhere"), { recursive: true })).sort()).toEqual(
    before,
  );
  // A place that never came to its end proves nothing.
  expect(Object.entries(worked).filter(([, times]) => times === 0)).toEqual([]);
});
