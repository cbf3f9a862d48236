import type { ProofLevel } from "../core/proof/proof.ts";
import type { ExitCode } from "./io.ts";

/**
 * The verbs that are not requests to a daemon but make, end or examine one. The command line only
 * reads their options; `main.ts` brings what they do. Each returns the code to end with, and may
 * throw a DeputyError: `unavailable` (no daemon) ends with 3, every other with 2.
 */
export type Actions = {
  up(options: UpOptions): Promise<ExitCode>;
  down(options: JsonOption): Promise<ExitCode>;
  worker(options: WorkerOptions): Promise<ExitCode>;
  doctor(options: JsonOption): Promise<ExitCode>;
  demo(options: JsonOption): Promise<ExitCode>;
  installMcp(options: InstallMcpOptions): Promise<ExitCode>;
  /** 0: what came out agrees with the receipt, 1: it does not. */
  prove(options: ProveOptions): Promise<ExitCode>;
};

type JsonOption = { json: boolean };

type UpOptions = JsonOption & {
  /** Return once the daemon is ready, and leave it running. */
  detach: boolean;
  /** Null: what the configuration says. */
  host: string | null;
  port: number | null;
};

type WorkerOptions = JsonOption & {
  /** Return once the worker is ready, and leave it running. */
  detach: boolean;
  /** Attempts at once. Null: what the configuration says. */
  concurrency: number | null;
};

type InstallMcpOptions = JsonOption & {
  /** Null: every one that is installed. */
  client: "claude" | "codex" | null;
  /** Change nothing. */
  print: boolean;
};

type ProveOptions = JsonOption & {
  receipt: unknown;
  /** Null: the receipt's. */
  repository: string | null;
  /** The checkout that one stands in. */
  checkout: string | null;
  level: ProofLevel | null;
};
