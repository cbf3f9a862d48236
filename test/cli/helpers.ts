import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Actions, Machine } from "../../src/cli/actions.ts";
import type { CliIo } from "../../src/cli/io.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { startTestServer, token } from "../http/helpers.ts";

class Exit extends Error {}

export type Run = {
  code: number | null;
  out: string;
  err: string;
  /** Resolves when stdout or stderr holds the text. */
  saw(text: string): Promise<void>;
  interrupt(): void;
  done: Promise<Run>;
};

export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "deputy-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A checkout as far as the command line looks: a folder with a .git. */
function makeCheckout(): string {
  const folder = makeFolder();
  mkdirSync(join(folder, ".git"));
  writeFileSync(join(folder, ".git/HEAD"), "ref: refs/heads/main\n");
  return folder;
}

/** A home with the files that a daemon at `url` writes. */
export function makeHome(url: string | null): string {
  const home = makeFolder();
  if (url !== null) {
    writeFileSync(join(home, "daemon.json"), JSON.stringify({ url, pid: 1 }));
    writeFileSync(join(home, "token"), `${token}\n`);
  }
  return home;
}

export type Surroundings = {
  home: string;
  cwd: string;
  env?: Record<string, string>;
  stdin?: Buffer | string;
  isTTY?: boolean;
  actions?: Partial<Actions>;
  machine?: Partial<Machine>;
};

/** Start one command; `done` resolves when it has ended. */
export function start(surroundings: Surroundings, ...args: string[]): Run {
  const listeners = new Set<() => void>();
  const waiting = new Set<() => void>();
  const run = { code: null as number | null, out: "", err: "" };
  const output = (name: "out" | "err") => ({
    isTTY: surroundings.isTTY === true,
    columns: 100,
    write(text: string) {
      run[name] += text;
      for (const check of waiting) check();
    },
  });
  const io: CliIo = {
    stdout: output("out"),
    stderr: output("err"),
    stdin: (async function* () {
      yield surroundings.stdin ?? "";
    })(),
    env: { DEPUTY_HOME: surroundings.home, ...surroundings.env },
    cwd: surroundings.cwd,
    setExitCode: (code) => {
      run.code = code;
    },
    exit: (code) => {
      run.code = code;
      throw new Exit();
    },
    onInterrupt: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const missing = () => Promise.reject(new Error("not in this test"));
  const actions = {
    up: missing,
    down: missing,
    worker: missing,
    doctor: missing,
    demo: missing,
    installMcp: missing,
    prove: missing,
    connectGithub: missing,
    githubStatus: missing,
    disconnectGithub: missing,
    ...surroundings.actions,
  };
  const machine: Machine = {
    openBrowser: async () => null,
    drawQr: async (text) => `QR of ${text}`,
    ...surroundings.machine,
  };
  const work = buildProgram(actions, machine, io)
    .parseAsync(args, { from: "user" })
    .catch((error) => {
      if (!(error instanceof Exit)) throw error;
    });
  const whole: Run = Object.assign(run, {
    saw: (text: string) =>
      new Promise<void>((resolve) => {
        const check = () => {
          if (!(run.out + run.err).includes(text)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    interrupt: () => {
      for (const listener of listeners) listener();
    },
    done: work.then((): Run => whole),
  });
  return whole;
}

/** A real server, a home that points to it, a checkout, and a way to run commands there. */
export async function startCliTest(options: Partial<Surroundings> = {}) {
  const server = await startTestServer();
  const surroundings = { home: makeHome(server.url), cwd: makeCheckout(), ...options };
  return {
    ...server,
    ...surroundings,
    deputy: (...args: string[]) => start(surroundings, ...args).done,
    startDeputy: (...args: string[]) => start(surroundings, ...args),
    deputyWith: (more: Partial<Surroundings>, ...args: string[]) =>
      start({ ...surroundings, ...more }, ...args).done,
  };
}
