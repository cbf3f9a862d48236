import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { scrubbedEnvironment } from "../../src/core/base/child-environment.ts";
import {
  isProcessAlive,
  type ProcessIdentity,
} from "../../src/sandbox/process/process-identity.ts";
import { type CommandSpec, runCommand } from "../../src/sandbox/process/run-command.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "deputy-run-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const run = (script: string, more: Partial<CommandSpec> = {}) =>
  runCommand({
    argv: ["sh", "-c", script],
    cwd: folder,
    env: scrubbedEnvironment(),
    timeoutMs: 30_000,
    ...more,
  });

/** Pids that the script wrote into files, one each. */
async function alive(...names: string[]): Promise<boolean[]> {
  const pids = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  return pids.map((pid) => isProcessAlive({ pid: Number(pid), startTicks: null }));
}

/** A child, a grandchild in a session of its own, and a great-grandchild of that one. */
const family = `
sleep 300 & echo $! > child
setsid sh -c 'echo $$ > leader; sleep 300 & echo $! > great; wait' &
while [ ! -s great ]; do sleep 0.01; done
`;

describe("nothing that a command starts outlives it", () => {
  test("after its exit", async () => {
    expect(await run(`${family} exit 5`)).toMatchObject({ endedBy: "exit", exitCode: 5 });
    expect(await alive("child", "leader", "great")).toEqual([false, false, false]);
  });

  test("after a timeout, though it ignores SIGTERM", async () => {
    const result = await run(`trap '' TERM; ${family} while :; do sleep 300; done`, {
      timeoutMs: 2_000,
      graceMs: 50,
    });
    expect(result).toMatchObject({ endedBy: "timeout", exitCode: null, signal: "SIGKILL" });
    expect(await alive("child", "leader", "great")).toEqual([false, false, false]);
  });

  test("after an abort", async () => {
    const stop = new AbortController();
    const result = await run(`${family} echo ready; wait`, {
      signal: stop.signal,
      onOutput: () => stop.abort(),
    });
    expect(result).toMatchObject({ endedBy: "abort", output: "ready\n" });
    expect(await alive("child", "leader", "great")).toEqual([false, false, false]);
  });

  test("two runs at once do not kill each other's", async () => {
    const stop = new AbortController();
    let begun = () => {};
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const long = run("setsid sleep 300 & echo $! > other; echo ready; wait", {
      signal: stop.signal,
      onOutput: () => begun(),
    });
    await started;
    await run("setsid sleep 300 & true");
    expect(await alive("other")).toEqual([true]);
    stop.abort();
    await long;
    expect(await alive("other")).toEqual([false]);
  });
});

describe("the result does not wait for pipes", () => {
  test("a grandchild that holds stdout open", async () => {
    const result = await run("echo said; setsid sleep 300 & exit 0");
    expect(result).toMatchObject({ endedBy: "exit", exitCode: 0, output: "said\n" });
  });

  test("one that took the mark out of its environment holds nothing up either", async () => {
    // It cannot be found by its mark; that it lives is the limit of a run without a sandbox.
    const result = await run(
      "echo said; env -i setsid sh -c 'echo $$ > pid; exec sleep 5' & exit 0",
    );
    expect(result).toMatchObject({ endedBy: "exit", exitCode: 0, output: "said\n" });
    const pid = Number(await readFile(join(folder, "pid"), "utf8").catch(() => ""));
    if (pid > 0) process.kill(pid, "SIGKILL");
  });
});

describe("first cause wins", () => {
  test("aborted before the start: nothing runs", async () => {
    const result = await run("touch ran", { signal: AbortSignal.abort() });
    expect(result).toMatchObject({ endedBy: "abort", exitCode: null });
    await expect(stat(join(folder, "ran"))).rejects.toThrow("ENOENT");
  });

  test("an abort during the grace of a timeout is still a timeout", async () => {
    const stop = new AbortController();
    const result = await run("trap 'echo term' TERM; while :; do sleep 0.05; done", {
      timeoutMs: 1_000,
      graceMs: 200,
      signal: stop.signal,
      onOutput: () => stop.abort(),
    });
    expect(result).toMatchObject({ endedBy: "timeout", signal: "SIGKILL" });
    expect(result.output).toContain("term\n");
  });

  test("a timeout longer than any timer is not one that fires at once", async () => {
    expect(await run("exit 0", { timeoutMs: 2 ** 40 })).toMatchObject({ endedBy: "exit" });
  });

  test("killed from outside", async () => {
    const result = await run("kill -KILL $$");
    expect(result).toMatchObject({ endedBy: "exit", exitCode: null, signal: "SIGKILL" });
  });
});

describe("what cannot start is a result", () => {
  test.each<[string, Partial<CommandSpec>, RegExp]>([
    [
      "no such program",
      { argv: ["no-such-program"], env: { PATH: "/usr/bin:/bin" } },
      /no-such-program.*ENOENT/,
    ],
    ["no such folder", { cwd: "/no/such/folder" }, /the folder \/no\/such\/folder does not exist/],
    ["a folder that is a file", { cwd: "/etc/passwd" }, /ENOTDIR/],
    ["a NUL in an argument", { argv: ["sh", "-c", "\0"] }, /null bytes/],
    ["an environment beyond all limits", { env: { X: "x".repeat(5_000_000) } }, /E2BIG/],
  ])("%s", async (_, spec, error) => {
    const result = await run("true", spec);
    expect(result).toMatchObject({ endedBy: "not_started", exitCode: null });
    expect(result.error).toMatch(error);
  });
});

describe("output", () => {
  test("is kept by head and tail, and the gap is said", async () => {
    const result = await run("seq 1 200000", { keepBytes: 100 });
    expect(result.output).toMatch(/^1\n2\n3\n/);
    expect(result.output).toMatch(/\n200000\n$/);
    expect(result.output).toContain(`[… ${result.truncatedBytes} bytes left out …]`);
    expect(result.truncatedBytes).toBe(1_288_895 - 200);
  });

  test("a flood of 200 MB in one line leaves memory flat", async () => {
    const before = process.memoryUsage().rss;
    const result = await run("head -c 200000000 /dev/zero | tr '\\0' x");
    expect(result).toMatchObject({ endedBy: "exit", exitCode: 0 });
    expect(result.truncatedBytes).toBe(200_000_000 - 2 * 32 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
  });

  test("stdout apart from stderr, broken bytes, and characters split between chunks", async () => {
    const heard: string[] = [];
    const result = await run(
      "printf 'gr\\303'; sleep 0.05; printf '\\274n'; printf err >&2; printf '\\377\\000!'",
      { onOutput: (chunk, stream) => stream === "stdout" && heard.push(chunk) },
    );
    expect(result.stdout).toBe("grün\uFFFD\0!");
    expect(result.output).toContain("err");
    expect(heard.join("")).toBe("grün\uFFFD\0!");
  });

  test("goes to the log, up to its cap", async () => {
    const logPath = join(folder, "log");
    await run("head -c 5000 /dev/zero | tr '\\0' y; echo; echo end", { logPath });
    expect((await readFile(logPath, "utf8")).slice(-6)).toBe("y\nend\n");
    expect((await stat(logPath)).mode & 0o777).toBe(0o600);

    await rm(logPath);
    await run("head -c 100000 /dev/zero | tr '\\0' y", { logPath, logCapBytes: 1_000 });
    expect(await readFile(logPath, "utf8")).toBe(
      `${"y".repeat(1_000)}\n[log ends here: 1000 bytes]\n`,
    );
  });

  test("a log that cannot be written does not end the run", async () => {
    await writeFile(join(folder, "file"), "");
    const result = await run("echo on", { logPath: join(folder, "file/below/log") });
    expect(result).toMatchObject({ exitCode: 0, output: "on\n" });
  });

  test("a log and its folder are made for the first output, and not without one", async () => {
    const logPath = join(folder, "logs/of/a-run");
    await run("true", { logPath });
    expect(existsSync(join(folder, "logs"))).toBe(false);
    await run("echo on", { logPath });
    expect(await readFile(logPath, "utf8")).toBe("on\n");
  });
});

test("stdin is the input and then its end; who does not read it is not disturbed", async () => {
  expect(await run("cat", { input: "ünï\n" })).toMatchObject({ output: "ünï\n" });
  expect(await run("exit 0", { input: "x".repeat(5_000_000) })).toMatchObject({ exitCode: 0 });
  expect(await run("cat")).toMatchObject({ output: "", exitCode: 0 });
});

test("the environment is the given one, and the program leads a group of its own", async () => {
  let leader: ProcessIdentity | null = null;
  const result = await run(
    'env; echo "group $(ps -o pgid= -p $$ | tr -d " ") of $$"; read -r _ || :',
    {
      env: { PATH: process.env.PATH ?? "", ONLY: "this" },
      onStarted: (identity) => {
        leader = identity;
      },
    },
  );
  expect(result.output).toContain("ONLY=this");
  expect(result.output).not.toContain("HOME=");
  if (leader) {
    const { pid } = leader as ProcessIdentity;
    expect(result.output).toContain(`of ${pid}`);
    expect(isProcessAlive(leader)).toBe(false);
  }
});

test("a script that is no program and a file that may not be executed", async () => {
  await writeFile(join(folder, "script"), "echo hello\n", { mode: 0o644 });
  const result = await run("", { argv: [join(folder, "script")] });
  expect(result).toMatchObject({ endedBy: "not_started" });
  expect(result.error).toContain("EACCES");
});
