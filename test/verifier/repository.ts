import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Check, JudgeChange } from "../../src/core/proof/verdict.ts";
import { runCommand } from "../../src/sandbox/process/run-command.ts";
import { runBaseline } from "../../src/verifier/checks/baseline.ts";
import { type VerifyInput, verifyCommit } from "../../src/verifier/checks/verify-attempt.ts";
import { ensureMirror, type Mirror, openMirrors } from "../../src/worktree/mirror/mirror.ts";
import { parseRepository } from "../../src/worktree/mirror/repository-url.ts";
import { plainPython } from "./plain-python.ts";

/** Files by path: text, `null` to delete, or a link's target. */
export type Files = Record<string, string | null | { link: string }>;

/** A real repository made on the spot, its mirror, and folders for worktrees and logs. */
export class TestRepository {
  private readonly root: string;
  private count = 0;

  private constructor(root: string) {
    this.root = root;
  }

  static async create(): Promise<TestRepository> {
    const root = await mkdtemp(join(tmpdir(), "deputy-verifier-"));
    const repository = new TestRepository(root);
    await mkdir(repository.source);
    await repository.git("init", "--quiet", "--initial-branch=main");
    return repository;
  }

  get source(): string {
    return join(this.root, "source");
  }
  get workRoot(): string {
    return join(this.root, "work");
  }
  get logRoot(): string {
    return join(this.root, "logs");
  }

  /** Commit `files` on top of `parent`, on a branch of its own. */
  async commit(files: Files, parent?: string): Promise<string> {
    this.count++;
    if (parent) await this.git("checkout", "--quiet", "-B", `branch-${this.count}`, parent);
    for (const [path, content] of Object.entries(files)) {
      const full = join(this.source, path);
      await rm(full, { recursive: true, force: true });
      if (content === null) continue;
      await mkdir(dirname(full), { recursive: true });
      if (typeof content === "string") await writeFile(full, content, { mode: 0o755 });
      else await symlink(content.link, full);
    }
    await this.git("add", "--all", "--force");
    await this.git("commit", "--quiet", "--allow-empty", "--message", `change ${this.count}`);
    return (await this.git("rev-parse", "HEAD")).trim();
  }

  async mirror(): Promise<Mirror> {
    return ensureMirror(openMirrors(join(this.root, "mirrors")), parseRepository(this.source));
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }

  private async git(...args: string[]): Promise<string> {
    const who = ["-c", "user.name=T", "-c", "user.email=t@localhost", "-c", "commit.gpgSign=false"];
    const result = await runCommand({
      argv: ["git", ...who, ...args],
      cwd: this.source,
      env: { PATH: process.env.PATH ?? "", HOME: this.root, GIT_CONFIG_NOSYSTEM: "1" },
      timeoutMs: 60_000,
    });
    if (result.exitCode !== 0) throw new Error(`git ${args.join(" ")}: ${result.output}`);
    return result.stdout;
  }
}

export function makeCheck(command: string, more: Partial<Check> = {}): Check {
  return {
    name: command,
    command,
    kind: "regression",
    source: "config",
    timeoutMs: 60_000,
    report: null,
    ...more,
  };
}

/** What a run needs beside the commits and checks. */
export function surroundings(repository: TestRepository, mirror: Mirror) {
  return {
    mirror,
    setup: [] as string[],
    workRoot: repository.workRoot,
    logRoot: repository.logRoot,
    env: plainPython,
    signal: new AbortController().signal,
    onProcess: () => {},
  };
}

/** Baseline on `baseCommit`, then the verdict on `commit`. */
export async function verify(
  repository: TestRepository,
  baseCommit: string,
  commit: string,
  checks: Check[],
  { allowTestChanges = false, ...more }: Partial<VerifyInput> & { allowTestChanges?: boolean } = {},
) {
  const common = { ...surroundings(repository, await repository.mirror()), baseCommit, checks };
  const input = {
    ...common,
    commit,
    protectedPaths: [".deputy/**", ".github/workflows/**"],
    submodulesRef: null,
    proof: "standard" as const,
    acceptJudges: async (judges: readonly JudgeChange[]) =>
      judges.map((judge) =>
        allowTestChanges && judge.kind !== "protected"
          ? { ...judge, accepted: { by: "flag" as const, evidence: "--allow-test-changes" } }
          : judge,
      ),
    onCheck: () => {},
    ...more,
  };
  const baseline = "baseline" in more ? (more.baseline ?? null) : await runBaseline(input);
  return verifyCommit({ ...input, baseline });
}
