import type { ProofLevel } from "../core/proof/proof.ts";
import type { ExitCode } from "./io.ts";

/**
 * The verbs that start, stop or examine a daemon instead of sending it a request. The command line
 * only reads their options; `main.ts` implements them. Each returns the exit code, and may throw a
 * DeputyError: `unavailable` (no daemon) exits with 3, every other with 2.
 */
export type Actions = {
  up(options: UpOptions): Promise<ExitCode>;
  down(options: JsonOption): Promise<ExitCode>;
  worker(options: WorkerOptions): Promise<ExitCode>;
  doctor(options: JsonOption): Promise<ExitCode>;
  demo(options: JsonOption): Promise<ExitCode>;
  installMcp(options: InstallMcpOptions): Promise<ExitCode>;
  connectGithub(options: ConnectOptions): Promise<ExitCode>;
  githubStatus(options: JsonOption): Promise<ExitCode>;
  disconnectGithub(options: JsonOption): Promise<ExitCode>;
  /** Returns 0 if the results agree with the receipt, else 1. */
  prove(options: ProveOptions): Promise<ExitCode>;
};

/** What verbs of the command line need of this machine. */
export type Machine = {
  /** Null: there is no browser here. Else `remove` what led there, once it came. */
  openBrowser(address: string): Promise<{ remove(): Promise<void> } | null>;
  drawQr(text: string): Promise<string>;
};

type JsonOption = { json: boolean };

type UpOptions = JsonOption & {
  /** Return once the daemon is ready, and leave it running. */
  detach: boolean;
  /** Null: the configuration's. */
  host: string | null;
  port: number | null;
};

type WorkerOptions = JsonOption & {
  /** Return once the worker is ready, and leave it running. */
  detach: boolean;
  /** Concurrent attempts. Null: the configuration's. */
  concurrency: number | null;
};

type InstallMcpOptions = JsonOption & {
  /** Null: every installed client. */
  client: "claude" | "codex" | null;
  /** Change nothing, only print. */
  print: boolean;
};

type ConnectOptions = JsonOption & {
  /** The organisation that the App is to belong to. Null: the person who agrees. */
  org: string | null;
  /** The App's name. Null: one is made up. */
  name: string | null;
  /** `owner/name`, where it is to be installed: said again at the end. */
  repositories: string[];
  waitMinutes: number;
};

type ProveOptions = JsonOption & {
  receipt: unknown;
  /** Null: the receipt's. */
  repository: string | null;
  /** The checkout of the current folder. */
  checkout: string | null;
  level: ProofLevel | null;
};
