import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { identifyProcess, isProcessAlive } from "../../src/sandbox/process-identity.ts";
import { makeStarters } from "../../src/sandbox/starters.ts";

/** Programs started by small shells: what is said arrives as it is, what is written comes back so. */
const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C", SHARED: "by all" };
const make = (more: { atMost?: number; idleMs?: number } = {}) =>
  makeStarters({ env, atMost: 4, idleMs: 1_000, ...more });
const turn = () => new Promise((done) => setTimeout(done, 5));
const limits = { silenceMs: 60_000 };
const folder = mkdtempSync(join(tmpdir(), "deputy-starters-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shell = (text: string, ...args: string[]) => ({
  argv: ["sh", "-c", text, "sh", ...args],
  env: {},
});

test("arguments and variables reach the program as they are, whatever a shell would make of them", async () => {
  const starters = make();
  const everyByte = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1));
  const texts = [
    ...["", " ", "  two  spaces ", "$HOME `id` $(id) $PATH", "'\"", "\\", "\\n\\", "*", "~", "#"],
    ...[
      "-n",
      "a;b&&c|d>e",
      "!1",
      "Ünïcödé 漢字 🙂",
      everyByte.filter((one) => one !== "\n").join(""),
    ],
  ];
  const command = {
    argv: ["sh", "-c", 'for text; do printf "%s\\n" "$text"; done', "sh", ...texts],
    env: {},
  };
  expect(starters.canRun(command)).toBe(true);
  const said = await starters.run(command, limits);
  expect(said.stdout.toString("utf8").split("\n")).toEqual([...texts, ""]);
  for (const VALUE of texts) {
    const { stdout } = await starters.run({ argv: ["printenv", "VALUE"], env: { VALUE } }, limits);
    expect(stdout.toString("utf8")).toBe(`${VALUE}\n`);
  }
});

test("what cannot be said in lines is not theirs, nor a variable that all have", () => {
  const { canRun } = make();
  expect(canRun({ argv: ["echo", "two\nlines"], env: {} })).toBe(false);
  expect(canRun({ argv: ["echo", "a\0b"], env: {} })).toBe(false);
  expect(canRun({ argv: ["echo"], env: { VALUE: "two\nlines" } })).toBe(false);
  expect(canRun({ argv: ["echo"], env: { "no-name": "1" } })).toBe(false);
  expect(canRun({ argv: ["echo"], env: { "A=1;id": "1" } })).toBe(false);
  expect(canRun({ argv: ["echo"], env: { SHARED: "mine" } })).toBe(false);
  expect(canRun({ argv: ["echo"], env: { MINE: "mine" } })).toBe(true);
});

test("output comes back byte for byte, each stream its own, with the exit code", async () => {
  const starters = make();
  const bytes = "printf '\\000\\377\\n\\n'; printf 'no newline' >&2; exit 3";
  const answer = await starters.run(shell(bytes), limits);
  expect(answer.exitCode).toBe(3);
  expect([...answer.stdout]).toEqual([0, 255, 10, 10]);
  expect(answer.stderr.toString()).toBe("no newline");
  const large = await starters.run(shell("head -c 5000000 /dev/zero; echo end >&2"), limits);
  expect(large.stdout.equals(Buffer.alloc(5_000_000))).toBe(true);
  expect(large.stderr.toString()).toBe("end\n");
  expect(await starters.run(shell("cat"), limits)).toMatchObject({
    exitCode: 0,
    stdout: Buffer.alloc(0),
  });
  const none = await starters.run({ argv: ["no-such-program"], env: {} }, limits);
  expect(none.exitCode).toBe(127);
  expect(none.stderr.toString()).toContain("no-such-program");
  expect((await starters.run(shell("kill -KILL $$"), limits)).exitCode).toBe(137);
});

test("a command leaves nothing to the next one, which has the same shell", async () => {
  const starters = make();
  const [first, second] = [
    await starters.run({ ...shell("echo $PPID $MINE"), env: { MINE: "mine" } }, limits),
    await starters.run(shell("echo $PPID; env"), limits),
  ].map(({ stdout }) => stdout.toString());
  const [pid, ...rest] = second?.trim().split("\n") ?? [];
  expect(first).toBe(`${pid} mine\n`);
  const names = rest.map((line) => line.slice(0, line.indexOf("="))).filter((name) => name !== "_");
  expect(names.filter((name) => !["PWD", "OLDPWD", "SHLVL"].includes(name)).sort()).toEqual(
    Object.keys(env).sort(),
  );
});

test("an abort lets a command clean up, and kills what does not go, with all it started", async () => {
  const starters = make();
  const note = join(folder, "note");
  const write = (what: string) => `echo "${what}" > "$1.new"; mv "$1.new" "$1"`;
  const end = async (text: string) => {
    await rm(note, { force: true });
    const controller = new AbortController();
    const running = starters.run(shell(text, note), { ...limits, signal: controller.signal });
    let pid = "";
    while (!pid) pid = await readFile(note, "utf8").catch(() => "");
    const grandchild = identifyProcess(Number(pid));
    controller.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
    while (grandchild && isProcessAlive(grandchild)) await turn();
  };
  await end(
    `trap '${write("clean")}; exit' TERM; sleep 300 & ${write("$!")}; while :; do sleep 0.01; done`,
  );
  expect(await readFile(note, "utf8")).toBe("clean\n"); // and it was waited for
  await end(`trap "" TERM; sleep 300 & ${write("$!")}; while :; do sleep 0.01; done`);
});

test("silence ends a command, a lost shell is an error, and others go on", async () => {
  const starters = make();
  await expect(starters.run(shell("sleep 300"), { silenceMs: 50 })).rejects.toThrow(
    /wrote nothing/,
  );
  await expect(starters.run(shell("kill -KILL $PPID"), limits)).rejects.toThrow(/SIGKILL/);
  const signal = AbortSignal.abort(new Error("too late"));
  await expect(starters.run(shell("true"), { ...limits, signal })).rejects.toThrow("too late");
  expect((await starters.run(shell("echo well"), limits)).stdout.toString()).toBe("well\n");
});

test("no more run at once than may; the others get their turn", async () => {
  const starters = make({ atMost: 2 });
  const busy = mkdtempSync(join(folder, "busy-"));
  const count = shell('touch "$1/$2"; ls "$1" | wc -l; sleep 0.05; rm "$1/$2"', busy);
  const answers = await Promise.all(
    Array.from({ length: 7 }, (_, index) =>
      starters.run({ ...count, argv: [...count.argv, String(index)] }, limits),
    ),
  );
  expect(Math.max(...answers.map(({ stdout }) => Number(stdout)))).toBeLessThanOrEqual(2);
  expect(readdirSync(busy)).toEqual([]);
});

test("a shell keeps no process from ending, and ends with it, killed or not, and when it is idle", async () => {
  const module = pathToFileURL(resolve(import.meta.dirname, "../../dist/sandbox/starters.js")).href;
  const program = (then: string) => `
    const { makeStarters } = await import(${JSON.stringify(module)});
    const starters = makeStarters({ env: process.env, atMost: 4, idleMs: ${then === "idle" ? 1 : 60_000} });
    const { stdout } = await starters.run({ argv: ["sh", "-c", "echo $PPID"], env: {} }, { silenceMs: 60000 });
    console.log(stdout.toString().trim());
    if (${then !== "end"}) setInterval(() => {}, 1000);`;
  for (const then of ["end", "kill", "idle"]) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", program(then)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    const [line] = await once(createInterface(child.stdout), "line");
    const starter = identifyProcess(Number(line));
    if (then === "kill") child.kill("SIGKILL");
    if (then !== "idle") await exited;
    while (starter && isProcessAlive(starter)) await turn();
    if (then === "idle") child.kill("SIGKILL");
    await exited;
  }
});
