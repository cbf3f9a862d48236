/**
 * The command line's whole environment in one value: outputs, inputs and surroundings. `program.ts`
 * gets the process's own, tests pass theirs.
 */
export type CliIo = {
  stdout: CliOutput;
  stderr: CliOutput;
  stdin: AsyncIterable<Buffer | string>;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Sets the exit code of the process, which ends once everything is printed. */
  setExitCode(code: number): void;
  /** Ends the process at once; for wrong usage, before anything was started. */
  exit(code: number): never;
  /**
   * Calls back at the first Ctrl-C, until the returned function is called. The second one ends the
   * process immediately.
   */
  onInterrupt(listener: () => void): () => void;
};

type CliOutput = { write(text: string): unknown; isTTY?: boolean; columns?: number };

/**
 * The exit codes that scripts rely on. Ctrl-C ends a watch with 130, the shells' code for an
 * interrupt: `deputy watch ID && deploy` must not deploy.
 */
export const exitCodes = { ok: 0, taskFailed: 1, usage: 2, noDaemon: 3, interrupted: 130 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** An error that ends a command: one sentence for stderr and the exit code. */
export class CliError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.name = "CliError";
    this.exitCode = exitCode;
  }
}

/** The io of the current process. */
export function processIo(): CliIo {
  for (const output of [process.stdout, process.stderr]) {
    output.on("error", (error: NodeJS.ErrnoException) => {
      // `deputy log ID 2>&1 | head`: the reader has enough, which is not an error.
      if (error.code === "EPIPE") process.exit(exitCodes.ok);
      throw error;
    });
  }
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    cwd: process.cwd(),
    setExitCode: (code) => {
      process.exitCode = code;
    },
    exit: (code) => process.exit(code),
    onInterrupt: (listener) => {
      let count = 0;
      const onSignal = () => (++count === 1 ? listener() : process.exit(exitCodes.interrupted));
      process.on("SIGINT", onSignal);
      return () => process.off("SIGINT", onSignal);
    },
  };
}
