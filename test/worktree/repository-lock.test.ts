import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, expect, test } from "vitest";
import { withRepositoryLock } from "../../src/worktree/git/repository-lock.ts";
import { makeFolder } from "./repositories.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const built = pathToFileURL(join(root, "dist", "worktree", "git", "repository-lock.js")).href;
const children: ChildProcess[] = [];
/** The queues of this process. */
const ours = { locks: new Map() };
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
});

/** Another process that takes the lock `times` times and counts in a file; Infinity: holds it for ever. */
function startOther(path: string, file: string, times: number): ChildProcess {
  const script = `
    import { readFileSync, writeFileSync } from "node:fs";
    const { withRepositoryLock } = await import(${JSON.stringify(built)});
    for (let i = 0; i < ${times === Number.POSITIVE_INFINITY ? 1 : times}; i++) {
      await withRepositoryLock({ locks: new Map() }, ${JSON.stringify(path)}, async () => {
        console.log("held");
        if (${times === Number.POSITIVE_INFINITY}) await new Promise((r) => setTimeout(r, 600_000));
        const count = Number(readFileSync(${JSON.stringify(file)}, "utf8"));
        await new Promise((r) => setImmediate(r));
        writeFileSync(${JSON.stringify(file)}, String(count + 1));
      });
    }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  return child;
}

test("one at a time within a process, in order, and a failure lets the next one in", async () => {
  const path = join(makeFolder(), "repository");
  const log: string[] = [];
  const run = (name: string, fails = false) =>
    withRepositoryLock(ours, path, async () => {
      log.push(`${name} in`);
      await new Promise((resolve) => setImmediate(resolve));
      log.push(`${name} out`);
      if (fails) throw new Error(name);
    });
  const results = await Promise.allSettled([run("a"), run("b", true), run("c")]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(log).toEqual(["a in", "a out", "b in", "b out", "c in", "c out"]);
  expect(readdirSync(`${path}.lock`)).toEqual([]);
});

test("one at a time across processes: no count is lost", async () => {
  const path = join(makeFolder(), "repository");
  const file = join(dirname(path), "count");
  writeFileSync(file, "0");
  const others = [1, 2, 3].map(() => startOther(path, file, 20));
  const codes = await Promise.all(others.map(async (child) => (await once(child, "close"))[0]));
  expect(codes).toEqual([0, 0, 0]);
  await withRepositoryLock(ours, path, async () => {
    expect(readFileSync(file, "utf8")).toBe("60");
  });
});

test("a holder that is alive keeps others out; killed with -9 it does not", async () => {
  const path = join(makeFolder(), "repository");
  const holder = startOther(path, "", Number.POSITIVE_INFINITY);
  await once(holder.stdout ?? holder, "data");
  let entered = false;
  const mine = withRepositoryLock(ours, path, async () => {
    entered = true;
  });
  // Behind it in the queue, with less patience.
  const waiting = withRepositoryLock(ours, path, async () => {}, AbortSignal.timeout(200));
  await expect(waiting).rejects.toThrow(/timeout/i);
  expect(entered).toBe(false);
  holder.kill("SIGKILL");
  await mine;
  expect(entered).toBe(true);
});

test("files of a dead process, of an earlier boot and of a silent container are swept", async () => {
  const path = join(makeFolder(), "repository");
  const folder = `${path}.lock`;
  mkdirSync(folder);
  let own = "";
  await withRepositoryLock(ours, path, async () => {
    own = readdirSync(folder)[0] ?? "";
  });
  const [boot, namespace, pid, start] = own.split(".");
  const dead = [
    `${boot}.${namespace}.${pid}.1.reused-pid`,
    `${boot}.${namespace}.4194303.${start}.no-such-process`,
    `earlierboot.${namespace}.${pid}.${start}.x`,
    `${boot}.elsewhere.${pid}.${start}.silent`,
    "nonsense",
  ];
  for (const name of dead) writeFileSync(join(folder, name), "");
  const longAgo = new Date(Date.now() - 3_600_000);
  utimesSync(join(folder, dead[3] ?? ""), longAgo, longAgo);
  await withRepositoryLock(ours, path, async () => {
    expect(readdirSync(folder)).toHaveLength(1);
  });
});

test("a container's fresh file counts, and waiting ends with the signal", async () => {
  const path = join(makeFolder(), "repository");
  let own = "";
  await withRepositoryLock(ours, path, async () => {
    own = readdirSync(`${path}.lock`)[0] ?? "";
  });
  const [boot, , pid, start] = own.split(".");
  writeFileSync(join(`${path}.lock`, `${boot}.elsewhere.${pid}.${start}.alive`), "");
  const signal = AbortSignal.timeout(100);
  await expect(withRepositoryLock(ours, path, async () => {}, signal)).rejects.toThrow(
    /timeout|abort/i,
  );
});
