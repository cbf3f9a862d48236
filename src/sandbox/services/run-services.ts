import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Service, ServicesRun } from "../../core/settings/service.ts";

/**
 * Runs a command beside services, in the box where it is started: leases their ports, starts one after
 * the other, each once the one before is ready, runs the command, stops them in reverse order, and ends
 * as the command ended. `run-services.mjs CONFIG -- COMMAND …`. It has no imports of ours, because this
 * file is copied alone to where a box sees it.
 */
export type ServicesConfig = {
  services: readonly Service[];
  /** Variables of the command alone. */
  env: Record<string, string>;
  /** Where the services' logs and `outcome.json` go; null: to a temporary folder, and to stderr. */
  folder: string | null;
};

/** A service in its own process group. */
type Started = {
  service: Service;
  child: ChildProcess;
  log: string;
  /** How it ended, as a clause; null: it runs, or runs on in the background. */
  ended: string | null;
  /** Resolves with it. */
  died: Promise<void>;
};

type End = { code: number | null; signal: NodeJS.Signals | null };

class ServiceFailure extends Error {
  readonly service: string;
  readonly log: string;
  constructor(service: string, log: string, says: string) {
    super(says);
    this.service = service;
    this.log = log;
  }
}

const stopMs = 10_000;
const killMs = 5_000;
const pauseMs = 50;
const [configPath = "", , program = "", ...args] = process.argv.slice(2);
const config: ServicesConfig = JSON.parse(readFileSync(configPath, "utf8"));
const folder = config.folder ?? mkdtempSync(join(tmpdir(), "services-"));
const run: ServicesRun = { failed: null, ready: [], notes: [] };
const started: Started[] = [];
/** A signal ends the command, or the wait for a service, and then the services. */
const interrupted = new AbortController();
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
  process.on(signal, () => interrupted.abort());
// Where no box ends with the daemon, nothing may outlive it for longer than this.
const parent = process.ppid;
if (config.folder !== null)
  setInterval(() => process.ppid === parent || interrupted.abort(), 1_000).unref();

const env: NodeJS.ProcessEnv = { ...process.env };
const end = await runAll();
for (const one of started.reverse()) await stopService(one);
tell();
if (end.signal !== null) {
  for (const caught of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.removeAllListeners(caught);
  process.kill(process.pid, end.signal);
} else process.exit(end.code ?? 1);

/** Starts the services, and runs the command beside them. */
async function runAll(): Promise<End> {
  try {
    await leasePorts(config.services.flatMap(({ ports }) => ports));
    for (const service of config.services) {
      const from = performance.now();
      await startService(service);
      run.ready.push({ name: service.name, readyMs: Math.round(performance.now() - from) });
    }
    return await runCommand();
  } catch (error) {
    if (!(error instanceof ServiceFailure)) throw error;
    const { log, message: says, service: name } = error;
    run.failed = { name, says, tail: readTail(log) };
    return { code: 125, signal: null };
  }
}

/**
 * A lease is a block of ports, held by listening on its first one for as long as this process lives:
 * two runs that share a network never get the same. A port that another program uses is found by listening on it.
 */
async function leasePorts(names: string[]): Promise<void> {
  const [first, size, blocks] = [11_000, 20, 450];
  const from = Math.floor(Math.random() * blocks);
  for (let tried = 0; tried < blocks && names.length > 0; tried++) {
    const block = first + size * ((from + tried) % blocks);
    const held = await listen(block);
    if (held === null) continue;
    const probes = await Promise.all(names.map((_, index) => listen(block + 1 + index)));
    // With one that is taken the block is given back.
    await Promise.all(probes.map((probe) => new Promise((done) => (probe ?? held).close(done))));
    if (probes.every((probe) => probe !== null)) {
      for (const [index, name] of names.entries()) env[name] = String(block + 1 + index);
      return;
    }
  }
  const says = "could not start: no ports from 11000 to 19999 are free";
  if (names.length > 0) throw new ServiceFailure(config.services[0]?.name ?? "", "", says);
}

function listen(port: number): Promise<Server | null> {
  return new Promise((done) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", () => done(null)); // taken
    server.listen(port, "127.0.0.1", () => done(server));
  });
}

/** Resolves once it is ready. Throws a ServiceFailure. */
async function startService(service: Service): Promise<void> {
  const { name, ready, startTimeoutMs, stop } = service;
  const log = join(folder, `${name}.log`);
  const fail = (says: string) => new ServiceFailure(name, log, says);
  if (typeof ready === "number" && (await answers(ready)))
    throw fail(`could not start: something else listens on port ${ready}`);
  const fd = openSync(log, "a");
  const child = spawn("sh", ["-c", service.run], {
    ...{ detached: true, env, stdio: ["ignore", fd, fd] },
  });
  closeSync(fd);
  const one: Started = { service, child, log, ended: null, died: Promise.resolve() };
  one.died = new Promise((done) => {
    const settle = (how: string) => {
      one.ended = how;
      done();
    };
    child.once("error", ({ message }) => settle(`could not start: ${message}`));
    child.once("exit", (code, signal) => {
      // It went into the background, and has a command that ends it there.
      if (code === 0 && stop !== null) return;
      settle(signal === null ? `exited with ${code}` : `was ended by ${signal}`);
    });
  });
  started.push(one);
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    const isReady = await look(service, deadline);
    if (one.ended !== null) throw fail(`${one.ended} before it was ready`);
    if (isReady) return;
    if (interrupted.signal.aborted) throw fail("was stopped before it was ready");
    if (performance.now() >= deadline)
      throw fail(`was not ready after ${startTimeoutMs / 1_000} s${describeLook(service)}`);
    await Promise.race([sleep(pauseMs), one.died]);
  }
}

/** Whether it is ready at this moment. */
async function look({ ports, ready }: Service, deadline: number): Promise<boolean> {
  if (typeof ready === "string") return (await runShell(ready, deadline - performance.now())) === 0;
  const wanted = ready === null ? ports.map((port) => Number(env[port])) : [ready];
  return (await Promise.all(wanted.map(answers))).every(Boolean);
}

function describeLook({ ports, ready }: Service): string {
  if (typeof ready === "string") return ` by \`${ready}\``;
  const wanted = ready === null ? ports.map((port) => env[port]) : [ready];
  return `: nothing listens on port ${wanted.join(", ")}`;
}

/** A server may listen on one of the two families alone. */
async function answers(port: number): Promise<boolean> {
  const tries = ["127.0.0.1", "::1"].map(
    (host) =>
      new Promise<boolean>((done) => {
        const settle = (is: boolean) => {
          socket.destroy();
          done(is);
        };
        const socket = connect({ port, host }, () => settle(true));
        socket.once("error", () => settle(false)).setTimeout(1_000, () => settle(false));
      }),
  );
  return (await Promise.all(tries)).some(Boolean);
}

/** Runs a short command of a service; null: it took longer. */
async function runShell(command: string, timeoutMs: number): Promise<number | null> {
  const child = spawn("sh", ["-c", command], { detached: true, env, stdio: "ignore" });
  const exit = new Promise<number | null>((done) => {
    child.once("error", () => done(127)).once("exit", (code) => done(code));
  });
  const limit = setTimeout(() => signal(child, "SIGKILL"), Math.max(0, timeoutMs));
  const code = await exit;
  clearTimeout(limit);
  return code;
}

/** Runs the command itself. Throws a ServiceFailure when a service ends before it. */
async function runCommand(): Promise<End> {
  const child = spawn(program, args, {
    ...{ detached: true, stdio: "inherit", env: { ...env, ...config.env } },
  });
  const stop = () => void endGroup(child);
  if (interrupted.signal.aborted) stop();
  interrupted.signal.addEventListener("abort", stop);
  const over = new Promise<End>((done) => {
    child.once("error", () => done({ code: 127, signal: null }));
    child.once("exit", (code, signal) => done({ code, signal }));
  });
  const first = await Promise.race([over, ...started.map((one) => one.died.then(() => one))]);
  if (!("service" in first)) {
    signal(child, "SIGKILL"); // what it left in its group
    return first;
  }
  await endGroup(child);
  const says = `${first.ended} while the command ran`;
  throw new ServiceFailure(first.service.name, first.log, says);
}

/** SIGTERM, and SIGKILL for what does not end by it. */
async function endGroup(child: ChildProcess): Promise<void> {
  if (!signal(child, "SIGTERM")) return;
  await Promise.race([gone(child), sleep(killMs)]);
  signal(child, "SIGKILL");
  await gone(child);
}

/** By its own command or by SIGTERM, and in the end by SIGKILL, which a note tells. */
async function stopService({ child, ended, service }: Started): Promise<void> {
  const { name, stop } = service;
  const limitMs = interrupted.signal.aborted ? stopMs / 5 : stopMs;
  const limit = sleep(limitMs).then(() => false);
  const note = (says: string) => run.notes.push(`service \`${name}\` ${says}`);
  const code = stop !== null && ended === null ? await runShell(stop, limitMs) : 0;
  if (stop === null && ended === null) signal(child, "SIGTERM");
  const isGone = await Promise.race([gone(child).then(() => true), limit]);
  if (code === null || !isGone)
    note(
      `did not stop within ${limitMs / 1_000} s of ${stop === null ? "SIGTERM" : `\`${stop}\``}`,
    );
  else if (code !== 0) note(`could not be stopped: \`${stop}\` exited with ${code}`);
  signal(child, "SIGKILL");
}

function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
    return Promise.resolve();
  return new Promise((done) => child.once("exit", () => done()));
}

/** To its whole group; false: nobody is left in it. */
function signal({ pid }: ChildProcess, name: NodeJS.Signals): boolean {
  try {
    return pid !== undefined && process.kill(-pid, name);
  } catch {
    return false; // ESRCH
  }
}

/** Its last lines, of a log that may be huge. */
function readTail(log: string): string {
  try {
    const file = openSync(log, "r");
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, 8_000));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    closeSync(file);
    return bytes.toString("utf8").trimEnd().split("\n").slice(-20).join("\n");
  } catch {
    return ""; // it never started
  }
}

function tell(): void {
  if (config.folder !== null) {
    writeFileSync(join(folder, "outcome.json"), JSON.stringify(run));
    return;
  }
  if (run.failed) {
    const { name, says, tail } = run.failed;
    console.error(
      `services: \`${name}\` ${says}.${tail === "" ? "" : ` Its last lines:\n${tail}`}`,
    );
  }
  for (const note of run.notes) console.error(note);
  rmSync(folder, { recursive: true, force: true });
}
