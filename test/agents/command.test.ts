import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeCommandAgent } from "../../src/agents/programs/command.ts";
import { isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import { makeRun, makeSession } from "./make-run.ts";

/** A shell line that prints this JSON object. */
const say = (value: unknown) => `printf '%s\\n' '${JSON.stringify(value)}'`;

describe("how a command ends", () => {
  test.each([
    ["true", "done", null, "exit 0"],
    ["exit 3", "gave_up", "agent_failed", "exit 3"],
    [say({ question: "Which one?" }), "needs_input", "question", "asked a question"],
    [
      `${say({ question: "Which one?" })}; exit 4`,
      "gave_up",
      "agent_failed",
      'exit 4: {"question":"Which one?"}',
    ],
    [
      "echo 'tool: error: no config'; echo bye; exit 2",
      "gave_up",
      "agent_failed",
      "exit 2: tool: error: no config",
    ],
    [say({ question: "   " }), "done", null, "exit 0"],
    [
      "printf 'Over'; printf 'write? [y/N] '; exit 1",
      "needs_input",
      "question",
      "stopped at a prompt",
    ],
    ["printf 'Overwrite? [y/N] '", "done", null, "exit 0"],
    ["kill -SEGV $$", "crashed", "killed", "killed by SIGSEGV"],
    ["sh -c 'kill -KILL $$'; exit $?", "crashed", "killed", "killed by SIGKILL"],
    ["kill -TERM $$", "crashed", "killed", "killed by SIGTERM"],
  ])("%s → %s", async (command, reason, failure, detail) => {
    const end = await makeCommandAgent(command)(await makeRun());
    expect(end).toMatchObject({ reason, failure, detail });
  });

  test.each([
    ["no-such-program --now", "no-such-program", "was not found (exit 127)"],
    ["A=1 exec no-such-program", "no-such-program", "was not found (exit 127)"],
    ["cd . && also-missing x", "also-missing", "was not found (exit 127)"],
    ["./locked.sh", "./locked.sh", "could not be executed (exit 126)"],
    ["exit 127", "exit", "was not found (exit 127)"],
  ])("%s names the program that is not there", async (command, program, why) => {
    // A folder of PATH that may not be read would make "not found" into "not allowed".
    const run = await makeRun({ env: { PATH: "/usr/bin:/bin" } });
    await writeFile(join(run.worktree, "locked.sh"), "#!/bin/sh\n", { mode: 0o644 });
    const end = await makeCommandAgent(command)(run);
    expect(end).toMatchObject({ reason: "gave_up", failure: "agent_unavailable" });
    expect(end.detail).toContain(`"${program}" ${why}`);
  });

  test("an answer by a schema is `output`, or the whole object", async () => {
    const run = await makeRun({ outputSchema: {} });
    for (const printed of [{ output: { parts: 2 }, summary: "x" }, { parts: 2 }]) {
      const end = await makeCommandAgent(say(printed))(run);
      expect(end.output).toEqual({ parts: 2 });
    }
  });

  test("a folder that is gone is said to be the folder", async () => {
    const run = await makeRun();
    const end = await makeCommandAgent("true")({ ...run, worktree: join(run.worktree, "gone") });
    expect(end).toMatchObject({ reason: "gave_up", failure: "agent_unavailable" });
    expect(end.detail).toMatch(/the folder .*gone does not exist/);
  });

  test("a timeout and what was printed before it", async () => {
    const run = await makeRun({ timeoutMs: 300 });
    const end = await makeCommandAgent("echo before; sleep 60")(run);
    expect(end).toMatchObject({ reason: "timed_out", failure: "timed_out" });
    expect(end.outputTail).toBe("before\n");
    expect(run.processes.some(isProcessAlive)).toBe(false);
  });

  test("an abort ends it as cancelled", async () => {
    const stop = new AbortController();
    const run = await makeRun({ signal: stop.signal, emit: () => stop.abort() });
    const end = await makeCommandAgent("echo started; sleep 60")(run);
    expect(end).toMatchObject({ reason: "cancelled", failure: null });
    expect(run.processes.some(isProcessAlive)).toBe(false);
  });
});

test("the brief comes on stdin and in a private file outside the worktree", async () => {
  const brief = "Line one\nLine 'two' $HOME `id` ünïcode\n";
  const run = await makeRun({ brief });
  const end = await makeCommandAgent(
    'cat > from-stdin; cp "$DEPUTY_BRIEF_FILE" from-file; echo "$DEPUTY_MODE $DEPUTY_BRIEF_FILE" > env; pwd > cwd',
  )(run);
  expect(end.reason).toBe("done");
  const read = (name: string) => readFile(join(run.worktree, name), "utf8");
  expect(await read("from-stdin")).toBe(brief);
  expect(await read("from-file")).toBe(brief);
  expect((await read("cwd")).trim()).toBe(run.worktree);
  const file = join(run.scratch, "brief.md");
  expect(await read("env")).toBe(`write ${file}\n`);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test("a brief file that is there from before is replaced, mode and all", async () => {
  const run = await makeRun();
  await writeFile(join(run.scratch, "brief.md"), "old");
  await chmod(join(run.scratch, "brief.md"), 0o644);
  await makeCommandAgent("true")(run);
  expect((await stat(join(run.scratch, "brief.md"))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(run.scratch, "brief.md"), "utf8")).toBe(run.brief);
});

test("a command sees the given environment and nothing of the daemon's", async () => {
  process.env.DEPUTY_TEST_SECRET = "do-not-show";
  const end = await makeCommandAgent("env")(await makeRun());
  delete process.env.DEPUTY_TEST_SECRET;
  expect(end.outputTail).toContain("PATH=");
  expect(end.outputTail).not.toContain("do-not-show");
});

describe("the last line of JSON", () => {
  test.each([
    [`${say({ summary: "first" })}; ${say({ summary: "last" })}; echo bye`, "last"],
    ["echo '{broken}'", null],
    [`${say({ summary: "whole" })}; echo '{"summary": "cut'`, "whole"],
    [`${say({ summary: "on stderr" })} >&2`, null],
    [say({ level: "info", msg: "own log of a program" }), null],
    [say({ summary: 42, discoveries: "no list" }), null],
    ["echo '[1, 2]'; echo 'null'; echo '\"text\"'", null],
    ['echo \'   {"summary": "indented"}  \'', "indented"],
  ])("%s", async (command, summary) => {
    expect(await makeCommandAgent(command)(await makeRun())).toMatchObject({
      reason: "done",
      summary,
      discoveries: [],
    });
  });

  test("is capped, and unknown keys are ignored", async () => {
    const value = {
      summary: "s".repeat(9_000),
      discoveries: [
        1,
        null,
        "",
        ...Array.from({ length: 50 }, (_, i) => `${i} ${"d".repeat(900)}`),
      ],
      agent: "root",
    };
    const run = await makeRun({ brief: JSON.stringify(value) });
    const end = await makeCommandAgent("cat")(run);
    expect(end.summary).toHaveLength(4_000);
    expect(end.discoveries).toHaveLength(20);
    expect(end.discoveries[0]).toMatch(/^0 ddd/);
  });

  test("loses what a database cannot hold", async () => {
    const run = await makeRun({ brief: '{"summary": "a\\u0000b\\ud800c"}\n' });
    expect((await makeCommandAgent("cat")(run)).summary).toBe("a\uFFFDb\uFFFDc");
  });
});

test("a flood of broken bytes is capped in memory, and the log has the rest", async () => {
  const run = await makeRun();
  const end = await makeCommandAgent(
    `head -c 3000000 /dev/zero; printf '\\377\\376'; yes flood | head -c 2000000; echo; ${say({ summary: "survived" })}`,
  )(run);
  expect(end).toMatchObject({ reason: "done", summary: "survived" });
  expect(end.outputTail.length).toBeLessThanOrEqual(8_000);
  expect(end.outputTail).not.toContain("\0");
  expect((await stat(run.logPath)).size).toBeGreaterThan(5_000_000);
});

test("what a command prints becomes few lines of progress", async () => {
  const run = await makeRun();
  await makeCommandAgent("printf '\\033[31mred\\033[0m\\n'; seq 1 5000")(run);
  const lines = run.events.map((event) => (event.kind === "text" ? event.text : event.kind));
  expect(lines.length).toBeLessThan(20);
  expect(lines.at(-1)).toBe("5000");
});

test("what a command leaves running is gone when it ends", async () => {
  const run = await makeRun();
  const end = await makeCommandAgent("setsid sleep 300 & echo $! > pid; sleep 300 & true")(run);
  expect(end.reason).toBe("done");
  const pid = Number(await readFile(join(run.worktree, "pid"), "utf8"));
  expect(isProcessAlive({ pid, startTicks: null })).toBe(false);
});

test("the run after a prompt has the answers on its stdin, and the whole story in its brief", async () => {
  const session = makeSession();
  const agent = makeCommandAgent(
    'cp "$DEPUTY_BRIEF_FILE" brief; for what in a b; do printf "Delete $what? "; read x || exit 1; [ "$x" = y ] || exit 1; done; env > env',
  );
  const first = await makeRun({ session });
  expect(await agent(first)).toMatchObject({ question: "Delete a?" });
  const env = { ...first.env, DEPUTY_ANSWER: "y" };
  const go = async (brief: string) => {
    const run = await makeRun({ session, env, brief, worktree: first.worktree });
    return { end: await agent(run), run };
  };
  expect((await go("A: y, a.\n")).end.question).toBe("Delete a? Delete b?");
  const { end, run } = await go("A: y, b.\n");
  expect(end.reason).toBe("done");
  const read = (name: string) => readFile(join(run.worktree, name), "utf8");
  expect(await read("brief")).toMatch(
    /Do it\.[\s\S]*You take over[\s\S]*A: y, a\.[\s\S]*# Now\s+A: y, b\./,
  );
  expect(await read("env")).toContain("DEPUTY_CONTINUES=1");
});

test("it is kept with its brief once it lasts and changed something; an end of its own is forgotten", async () => {
  const kept: unknown[][] = [];
  let isForgotten = false;
  const entries: unknown[] = [];
  const run = await makeRun({
    session: {
      ...makeSession(),
      entries,
      checkpoint: async (added = []) => {
        kept.push([...added]);
        if (kept.length < 2) return false; // nothing changed yet
        entries.push(...added);
        await writeFile(join(run.worktree, "go"), "");
        return true;
      },
      forget: async () => {
        isForgotten = true;
      },
    },
  });
  const agent = makeCommandAgent("while ! test -e go; do sleep 0.01; done", { checkpointMs: 1 });
  expect((await agent(run)).reason).toBe("done");
  expect(kept.slice(0, 2)).toEqual([[{ told: "Do it.\n" }], [{ told: "Do it.\n" }]]);
  expect(isForgotten).toBe(true);
});

test("what a person says is in a file, from before it began and while it runs", async () => {
  const said = [["Early."], [], ["Late."]];
  const run = await makeRun({ takeMessages: async () => said.shift() ?? [] });
  const agent = makeCommandAgent(
    'while ! grep -q Late "$DEPUTY_SAID_FILE"; do sleep 0.01; done; cat "$DEPUTY_SAID_FILE"; cat',
    { lookMs: 1 },
  );
  const { outputTail } = await agent(run);
  expect(outputTail).toContain('{"text":"Early."}\n{"text":"Late."}\nDo it.\n');
  expect(outputTail).toContain("# What a person said meanwhile\n\nEarly.");
});
