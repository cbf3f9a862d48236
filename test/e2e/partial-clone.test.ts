import { execFileSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";
import { type GitRemote, hasGitHttpBackend, serveClone } from "../support/git-http.ts";
import type { TestRepository } from "../support/repository.ts";
import { waitFor } from "../support/scratch.ts";

/** A repository of which mirrors have the contents that somebody needed, and no others. */
const { deputy, repositoryWith, scratch } = withDeputy({ start: false });
let source: TestRepository;
let remote: GitRemote;

const sparse = "sparse: [packages/a]\nchecks: [test -e packages/a/one.txt]\n";

beforeAll(async () => {
  source = await repositoryWith({
    ".deputy/config.yaml": sparse,
    "README.md": "# Huge\n",
    "packages/a/one.txt": "one\n",
    "packages/b/two.txt": "two\n",
    "docs/three.txt": "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
    "docs/four.txt": "four\n",
    "docs/five.txt": "five\n",
  });
  remote = await serveClone(source.path, scratch.at("huge.git"));
  const repositories = { [remote.url]: { partial_clone: true } };
  await writeFile(join(deputy.home, "config.yaml"), JSON.stringify({ repositories }));
  await deputy.start({ DEPUTY_BACKOFF_MS: "50" });
});
afterEach(() => {
  remote.gate = () => true;
});
afterAll(() => remote?.close());

const run = (goal: string, work: Record<string, unknown>) =>
  deputy.run({ goal, repository: remote.url, ...work });
async function submit(goal: string, agent: string): Promise<string> {
  const input = { goal, agent, repository: remote.url };
  const { body, status } = await deputy.api("POST", "/v1/tasks", input);
  expect(status, JSON.stringify(body)).toBe(202);
  return body.id;
}
const git = (...args: string[]) =>
  execFileSync("git", args, { cwd: remote.bare, encoding: "utf8" }).trim();

/** Whether the daemon's mirror has the contents that the source's main has at a path. */
function holds(path: string): boolean {
  const [name = ""] = readdirSync(join(deputy.home, "repos"));
  const id = git("rev-parse", `main:${path}`);
  const args = ["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"];
  const gitDir = `--git-dir=${join(deputy.home, "repos", name)}`;
  return execFileSync("git", [gitDir, ...args], { encoding: "utf8" }).includes(id);
}

describe.skipIf(!hasGitHttpBackend)("a partial clone", () => {
  test("work is delivered from it, and what nobody needed is not on this machine", async () => {
    const agent = "command:echo more >> packages/a/one.txt; mkdir docs; echo new > docs/new.txt";
    const task = await run("Work", { agent });
    expect(task.state, task.end_detail).toBe("completed");
    expect(git("diff", "--name-status", "main", task.branch)).toBe(
      "A\tdocs/new.txt\nM\tpackages/a/one.txt",
    );
    expect(holds("packages/a/one.txt")).toBe(true);
    for (const path of ["docs/three.txt", "docs/four.txt", "packages/b/two.txt"])
      expect(holds(path), path).toBe(false);
  });

  test("parts that meet outside of the folders are merged with what that reads", async () => {
    const write = (line: number, word: string) =>
      `mkdir -p docs; test -e docs/three.txt || seq 9 > docs/three.txt; sed -i 's/^${line}$/${word}/' docs/three.txt`;
    const part = (id: string, line: number) => ({
      ...{ id, title: `Part ${id}`, agent: `command:${write(line, id)}` },
      checks: [`grep -qx ${id} docs/three.txt`],
    });
    const plan = { subtasks: [part("left", 2), part("right", 8)] };
    const task = await run("Both", { plan });
    expect(task.state, task.end_detail).toBe("completed");
    expect(git("show", `${task.branch}:docs/three.txt`)).toBe("1\nleft\n3\n4\n5\n6\n7\nright\n9");
    expect(git("diff", "--name-only", "main", task.branch)).toBe("docs/three.txt");
    expect(holds("docs/four.txt")).toBe(false);
  });

  test("a remote that is away in the middle is waited for", async () => {
    // The commit is compared with what the agent replaced outside, which this machine lacks.
    const agent = await scratch.agent(
      "wait.sh",
      `touch ${scratch.at("at-work")}\n${waitFor(scratch.at("go"))}\nmkdir docs; echo 5 > docs/five.txt`,
    );
    const id = await submit("Wait", agent);
    await scratch.until("at-work");
    let refused = 0;
    remote.gate = () => ++refused > 2;
    await scratch.write("go");
    const task = await deputy.untilOver(id);
    expect(task.state, task.end_detail).toBe("completed");
    expect(refused).toBeGreaterThan(2);
    const events = await deputy.events(id);
    const of = (wanted: string) => events.filter(({ type }) => type === wanted);
    expect(of("attempt.started")).toHaveLength(1);
    expect(of("stage.failed").map(({ message }) => message)).toEqual([
      expect.stringContaining("files that are needed now"),
      expect.stringContaining("could not be fetched: git cannot reach"),
    ]);
  });

  test("a daemon that is killed while it fetches goes on after its next start", async () => {
    await source.write({ "packages/a/one.txt": "a third one\n" });
    source.git("commit", "--quiet", "--all", "--message", "third");
    source.git("push", "--quiet", remote.bare, "main");
    const before = remote.requests.length;
    const fetched = () => remote.requests.slice(before).filter((line) => line.startsWith("POST"));
    let isHeld = () => {};
    const held = new Promise<void>((resolve) => {
      isHeld = resolve;
    });
    remote.gate = async () => {
      if (fetched().length <= 2) return true;
      isHeld();
      return new Promise(() => {}); // never answered
    };
    const agent = "command:cp packages/a/one.txt packages/a/three.txt";
    const id = await submit("Killed", agent);
    await held;
    await deputy.kill();
    remote.gate = () => true;
    await deputy.start({ DEPUTY_BACKOFF_MS: "50" });
    const task = await deputy.untilOver(id);
    expect(task.state, task.end_detail).toBe("completed");
    expect(git("show", `${task.branch}:packages/a/three.txt`)).toBe("a third one");
    expect(holds("docs/four.txt")).toBe(false);
  });

  test("a mirror that is deleted meanwhile is partial again, and nothing outside counts as deleted", async () => {
    const agent = await scratch.agent(
      "lost.sh",
      `touch ${scratch.at("is-here")}\n${waitFor(scratch.at("is-lost"))}\nmkdir docs; echo 5 > docs/five.txt; echo more >> packages/a/one.txt`,
    );
    const id = await submit("Lose", agent);
    await scratch.until("is-here");
    const root = join(deputy.home, "repos");
    for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
    await scratch.write("is-lost");
    const event = await deputy.untilEvent(id, ({ type }) =>
      /^task\.(completed|waiting)$/.test(type),
    );
    expect(event.type, event.message).toBe("task.completed");
    const { task } = (await deputy.api("GET", `/v1/tasks/${id}`)).body;
    expect(git("diff", "--name-only", "main", task.branch)).toBe(
      "docs/five.txt\npackages/a/one.txt",
    );
    expect(holds("docs/four.txt")).toBe(false);
  });
});
