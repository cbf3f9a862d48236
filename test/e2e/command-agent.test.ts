import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { mainPath } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { waitFor } from "../support/scratch.ts";

/** Any program as an agent, through the command line: what it is told, and what it may say. */

const { deputy, repository, scratch } = withDeputy({
  files: { "README.md": "# Here\n", "src/a.txt": "a\n" },
});

const here = () => ({ cwd: repository.path });
const idIn = (text: string) => /task_\w+/.exec(text)?.[0] ?? "";

test("the brief comes on stdin and in a file; summary and discoveries are in the last line of JSON", async () => {
  const agent = await scratch.agent(
    "tell.sh",
    `cat > from-stdin.txt
cat "$DEPUTY_BRIEF_FILE" > from-file.txt
echo '{"summary":"an earlier line"}'
echo "working on it"
echo '{"summary":"Wrote two files","discoveries":["the README is short"],"else":1}'
echo "bye"`,
  );
  const notes = await scratch.write("notes.txt", "Mind the gap.\n");
  const { code, stdout, stderr } = await deputy.cli(
    ["run", "-", "--agent", agent, "--check", "test -s from-stdin.txt", "--attach", notes, "-w"],
    { ...here(), input: "Say what you were told\n\nAll of it.\n" },
  );
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toContain("deputy/say-what-you-were-told");
  expect(stderr).toBe("");
  const told = repository.git("show", "deputy/say-what-you-were-told:from-file.txt");
  expect(repository.git("show", "deputy/say-what-you-were-told:from-stdin.txt")).toBe(told);
  for (const part of ["All of it.", "`test -s from-stdin.txt` (must be green)", "Mind the gap."])
    expect(told).toContain(part);
  const { body } = await deputy.api("GET", `/v1/tasks/${idIn(stdout)}`);
  expect(body.attempts).toHaveLength(1);
  expect(body.attempts[0]).toMatchObject({
    end_reason: "done",
    summary: "Wrote two files",
    discoveries: ["the README is short"],
  });
  const log = await deputy.cli(["log", idIn(stdout)]);
  expect(log.stdout).toContain("working on it\n");
});

test("a question waits for `deputy answer`, which the next attempt is told", async () => {
  const agent = await scratch.agent(
    "ask.sh",
    `if grep -q "A: blue" "$DEPUTY_BRIEF_FILE"; then echo blue > colour.txt; exit 0; fi
echo '{"question":"Which colour?"}'`,
  );
  const { stdout } = await deputy.cli(["run", "Paint it", "--agent", agent, "--json"], here());
  const { id } = JSON.parse(stdout);
  await deputy.untilEvent(id, ({ type }) => type === "task.waiting");
  const why = await deputy.cli(["why", id]);
  expect(why.stdout).toContain("an answer from a person: Which colour?");
  expect(why.stdout).toContain(`deputy answer ${id}`);
  expect((await deputy.cli(["show", id])).stdout).toContain("Which colour?");
  const answered = await deputy.cli(["answer", id, "-"], { input: "blue\n" });
  expect(answered.code, answered.stderr).toBe(0);
  const watched = await deputy.cli(["watch", id]);
  expect(watched.code, watched.stdout).toBe(0);
  expect(repository.git("show", "deputy/paint-it:colour.txt")).toBe("blue");
  const again = await deputy.cli(["answer", id, "green"]);
  expect(again.code).toBe(2);
  expect(again.stderr).toContain(`deputy: ${id} is completed`);
});

test("a prompt in the middle of a program is a question, and its answer comes where it reads", async () => {
  const agent = await scratch.agent(
    "prompt.sh",
    `echo part >> parts.txt
printf 'Overwrite? [y/N] '; read a || exit 1
[ "$a" = y ] || exit 1
echo "$DEPUTY_ANSWER" > answer.txt`,
  );
  const { stdout } = await deputy.cli(["run", "Prompt me", "--agent", agent, "--json"], here());
  const { id } = JSON.parse(stdout);
  await deputy.untilEvent(id, ({ type }) => type === "task.waiting");
  const why = await deputy.cli(["why", id]);
  expect(why.stdout).toContain("an answer from a person: Overwrite? [y/N]");
  const answered = await deputy.cli(["answer", id, "y"]);
  expect(answered.code, answered.stderr).toBe(0);
  const task = await deputy.untilOver(id);
  expect(task.state, task.end_detail).toBe("completed");
  const show = (path: string) => repository.git("show", `${task.branch}:${path}`);
  expect(show("answer.txt")).toBe("y");
  // It went on in the worktree that it had.
  expect(show("parts.txt")).toBe("part\npart");
});

test("a task that waits for an answer can be cancelled, and takes none afterwards", async () => {
  const agent = `command:echo '{"question":"Really?"}'`;
  const { stdout } = await deputy.cli(["run", "Ask only", "--agent", agent, "--json"], here());
  const { id } = JSON.parse(stdout);
  await deputy.untilEvent(id, ({ type }) => type === "task.waiting");
  const cancelled = await deputy.cli(["cancel", id]);
  expect(cancelled.stdout).toBe(`${id} is cancelled.\n`);
  const answered = await deputy.cli(["answer", id, "yes"]);
  expect([answered.code, answered.stderr]).toEqual([2, expect.stringContaining("is cancelled")]);
  expect((await deputy.cli(["watch", id])).code).toBe(1);
});

test("Ctrl-C detaches, says so, and the work goes on", async () => {
  const agent = await scratch.agent("slow.sh", `${waitFor(scratch.at("go"))}\necho b > src/b.txt`);
  const child = spawn(
    process.execPath,
    [mainPath, "run", "Take your time", "--agent", agent, "--watch"],
    { cwd: repository.path, env: deputy.env },
  );
  let stdout = "";
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  for await (const chunk of child.stdout) {
    stdout += chunk;
    if (stdout.includes("Worktree ready")) break;
  }
  child.kill("SIGINT");
  const [code] = await once(child, "close");
  expect(code).toBe(130);
  const id = idIn(stdout);
  expect(stderr).toContain(`Detached; ${id} is not affected.`);
  expect(stderr).toContain(`deputy watch ${id}`);
  await scratch.write("go");
  expect((await deputy.untilOver(id)).state).toBe("completed");
});
