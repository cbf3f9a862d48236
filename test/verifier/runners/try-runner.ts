import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect } from "vitest";
import type { TestResults } from "../../../src/core/proof/verdict.ts";
import { runCommand } from "../../../src/sandbox/process/run-command.ts";
import { readCheckText } from "../../../src/verifier/checks/check-text.ts";
import { mergeResults } from "../../../src/verifier/parsers/merge-results.ts";
import type { Canary, CheckText, Runner } from "../../../src/verifier/runners/runner.ts";
import { findRunners, placeCanaries } from "../../../src/verifier/runners/runners.ts";
import { parseTestResults } from "../../../src/verifier/tests/parse-test-results.ts";

/** A small repository in a folder, and its check run as the verifier does it: named, then with canaries. */
export type Tree = Record<string, string>;

export type Tried = {
  exitCode: number | null;
  output: string;
  /** From the reports; null: there was none. */
  tests: TestResults | null;
  /** From what it printed, by the runners found. */
  read: TestResults | null;
};

export class TriedRepository {
  readonly tree: Tree;
  private readonly root: string;
  private readonly command: string;
  private count = 0;

  constructor(root: string, tree: Tree, command: string) {
    this.root = root;
    this.tree = tree;
    this.command = command;
  }

  static async create(tree: Tree, command: string): Promise<TriedRepository> {
    return new TriedRepository(await mkdtemp(join(tmpdir(), "deputy-runner-")), tree, command);
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }

  async about(): Promise<CheckText> {
    const read = async (path: string) => this.tree[path] ?? null;
    return readCheckText({ files: Object.keys(this.tree), read }, this.command);
  }

  async runners(): Promise<Runner[]> {
    return findRunners(await this.about());
  }

  /** Run the check on the tree with `changes` in it. */
  async run(changes: Tree = {}): Promise<Tried> {
    const about = await this.about();
    const runners = await this.runners();
    const folder = join(this.root, `run ${++this.count}`);
    const [worktree, reports] = [join(folder, "tree"), join(folder, "reports")];
    await mkdir(reports, { recursive: true });
    for (const [path, text] of Object.entries({ ...this.tree, ...changes })) {
      await mkdir(dirname(join(worktree, path)), { recursive: true });
      await writeFile(join(worktree, path), text, { mode: 0o755 });
    }
    await symlink(join(process.cwd(), "node_modules"), join(worktree, "node_modules")).catch(
      () => {},
    );
    const naming = runners
      .map((runner) => runner.nameTests(about, { folder: reports }))
      .find((each) => each !== null);
    for (const { name, text } of naming?.files ?? []) await writeFile(join(reports, name), text);
    const result = await runCommand({
      argv: ["sh", "-c", naming?.command ?? this.command],
      cwd: worktree,
      env: { PATH: process.env.PATH ?? "", HOME: folder, CI: "1", ...naming?.env },
      timeoutMs: 120_000,
    });
    const found: TestResults[] = [];
    for (const name of (await readdir(reports)).sort()) {
      if (naming?.files.some((file) => file.name === name)) continue;
      const parsed = parseTestResults(await readFile(join(reports, name), "utf8"), worktree);
      if (parsed) found.push(parsed);
    }
    const read = runners.map((each) => each.readOutput(result.output)).find(Boolean) ?? null;
    return { exitCode: result.exitCode, output: result.output, tests: mergeResults(found), read };
  }

  /** The canary for the tree, as `tests` say what ran. */
  async canary(
    tests: TestResults | null,
    prefer: string[] = [],
    about?: CheckText,
  ): Promise<Canary | null> {
    const token = `k${Math.random().toString(36).slice(2, 14)}`;
    const input = {
      files: Object.keys(this.tree),
      read: async (path: string) => this.tree[path] ?? null,
      about: about ?? (await this.about()),
      tests,
      prefer,
      token,
    };
    return placeCanaries(findRunners(input.about), input);
  }

  /** Run the check with `canary` in it: whether it turns red, and which of its names it does not say. */
  async runWith(canary: Canary): Promise<Tried & { unnamed: string[] }> {
    const run = await this.run(
      Object.fromEntries(canary.files.map(({ path, text }) => [path, text])),
    );
    const tests = run.tests ?? run.read;
    const failing = Object.entries(tests?.tests ?? {}).flatMap(([name, state]) =>
      state === "failed" ? [name] : [],
    );
    const isNamed = (name: string) =>
      failing.some((test) => test.includes(name)) || (!tests && run.output.includes(name));
    return { ...run, unnamed: canary.names.filter((name) => !isNamed(name)) };
  }
}

const opened: TriedRepository[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.remove();
});

/** A repository that goes away after the test. */
export async function openTree(tree: Tree, command = "npm test"): Promise<TriedRepository> {
  const repository = await TriedRepository.create(tree, command);
  opened.push(repository);
  return repository;
}

export function manifest(script: string, more: object = {}): string {
  return JSON.stringify({ scripts: { test: script }, ...more });
}

/** Tests that must fail turn an honest repository red, and each is named. */
export async function expectBite(tree: Tree, command?: string, prefer?: string[]): Promise<Canary> {
  const repository = await openTree(tree, command);
  const canary = await repository.canary((await repository.run()).tests, prefer);
  if (!canary) throw new Error("there was no place for a canary");
  const { exitCode, unnamed, output } = await repository.runWith(canary);
  expect({ red: exitCode !== 0, unnamed }, output).toEqual({ red: true, unnamed: [] });
  return canary;
}

/** Tests that must fail bite on the honest tree and do not, or not all, on what cheats. */
export async function expectSilence(honest: Tree, cheat: Tree, command?: string): Promise<void> {
  const changed = await openTree({ ...honest, ...cheat }, command);
  // The canary is placed in the tree under judgement, for the runners of the base.
  const about = await (await openTree(honest, command)).about();
  const canary = await changed.canary(null, [], about);
  if (!canary) throw new Error("there was no place for a canary");
  const { exitCode, unnamed, output } = await changed.runWith(canary);
  expect(exitCode === 0 || unnamed.length > 0, output).toBe(true);
}
