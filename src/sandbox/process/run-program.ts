import { spawn } from "node:child_process";

/**
 * Runs one of our own programs to its end and returns its whole output. For programs that we trust and
 * that leave nothing behind; what an agent or a check asks for is run by `runCommand`.
 */
export type ProgramSpec = {
  argv: readonly [string, ...string[]];
  cwd: string;
  /** The whole environment; nothing is inherited. */
  env: Readonly<Record<string, string>>;
  /** Written to stdin, which is closed in any case. */
  input: Buffer | string | undefined;
  /** The program is ended when it prints nothing for so long. */
  silenceMs: number;
  /** The program is ended when stdout and stderr together are larger. */
  maxBytes: number;
  signal?: AbortSignal | undefined;
};

export type ProgramResult = { exitCode: number; stdout: Buffer; stderr: Buffer };

/** Rejects when the program cannot be started, is ended by a signal, or passes one of its limits. */
export async function runProgram(spec: ProgramSpec): Promise<ProgramResult> {
  const { argv, cwd, env, input, maxBytes, signal, silenceMs } = spec;
  signal?.throwIfAborted();
  const [program, ...args] = argv;
  const child = spawn(program, args, { cwd, env: { ...env }, stdio: "pipe" });
  const output: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
  let bytes = 0;
  let why: string | null = null;
  const end = (reason: string) => {
    why ??= reason;
    child.kill("SIGTERM"); // on which git releases its locks
  };
  const silence = setTimeout(
    () => end(`it was ended because it printed nothing for ${silenceMs / 1_000} s`),
    silenceMs,
  );
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].on("data", (chunk: Buffer) => {
      silence.refresh();
      bytes += chunk.length;
      if (bytes > maxBytes)
        return end(`it was ended because it printed more than ${maxBytes} bytes`);
      output[stream].push(chunk);
    });
  }
  child.stdin.on("error", () => {}); // it may end without reading its input
  child.stdin.end(input);
  const abort = () => end("it was aborted");
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const [code, ending] = await new Promise<[number | null, NodeJS.Signals | null]>(
      (resolve, reject) => {
        child.once("error", reject);
        child.once("close", (...ended) => resolve(ended));
      },
    );
    if (why !== null) throw new Error(why);
    if (code === null) throw new Error(`it was ended by ${ending}`);
    return {
      exitCode: code,
      stdout: Buffer.concat(output.stdout),
      stderr: Buffer.concat(output.stderr),
    };
  } finally {
    clearTimeout(silence);
    signal?.removeEventListener("abort", abort);
  }
}
