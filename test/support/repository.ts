import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A real git repository in a folder of its own, as a person has it. */
export type TestRepository = {
  path: string;
  /** Git in it; throws when it fails. */
  git(...args: string[]): string;
  write(files: Record<string, string>): Promise<void>;
  remove(): Promise<void>;
};

const author = {
  GIT_AUTHOR_NAME: "Tester",
  GIT_AUTHOR_EMAIL: "tester@localhost",
  GIT_COMMITTER_NAME: "Tester",
  GIT_COMMITTER_EMAIL: "tester@localhost",
};

export async function makeRepository(files: Record<string, string>): Promise<TestRepository> {
  const path = await mkdtemp(join(tmpdir(), "deputy-repo-"));
  const git = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync("git", ["-C", path, ...args], {
      encoding: "utf8",
      env: { ...process.env, ...author },
    });
    if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
    return stdout.trim();
  };
  const repository: TestRepository = {
    path,
    git,
    write: async (more) => {
      for (const [name, text] of Object.entries(more)) {
        await mkdir(dirname(join(path, name)), { recursive: true });
        await writeFile(join(path, name), text);
      }
    },
    remove: () => rm(path, { recursive: true, force: true }),
  };
  git("init", "--quiet", "--initial-branch=main");
  git("config", "user.name", "Tester");
  git("config", "user.email", "tester@localhost");
  await repository.write(files);
  git("add", "--all");
  git("commit", "--quiet", "--message", "start");
  return repository;
}

/** A tiny project with a real test suite, one test of which is red: `greeting` says it wrong. */
export const greetingProject: Record<string, string> = {
  "package.json": `${JSON.stringify({ name: "greeting", private: true, type: "module", scripts: { test: "node --test --test-reporter=tap" } }, null, 2)}\n`,
  "src/greeting.js": "export const greet = (name) => ['Hullo', name].join(', ');\n",
  "src/other.js": "export const one = 1;\n",
  "test/greeting.test.js": `import assert from "node:assert/strict";
import test from "node:test";
import { greet } from "../src/greeting.js";
import { one } from "../src/other.js";

test("greets", () => assert.equal(greet("Ada"), "Hello, Ada"));
test("one is one", () => assert.equal(one, 1));
`,
  "README.md": "# Greeting\n",
};

/** A command agent that repairs it. */
export const repairGreeting = "command:sed -i s/Hullo/Hello/ src/greeting.js";
