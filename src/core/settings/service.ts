import { cutText } from "../text/clean-text.ts";

/**
 * What a check needs beside it, such as a database: started before the check, in its box, and stopped
 * after it. The base commit's `services:` decides, as for setup and checks.
 */
export type Service = {
  /** Unique, and safe as the name of a file. */
  name: string;
  /** Run by `sh -c` in the root of the worktree. Stays in the foreground, unless there is `stop`. */
  run: string;
  /** Variables that get a free port each, for all services and for the check. */
  ports: string[];
  /** A command that is tried until it exits with 0, or a fixed port; null: its ports answer. */
  ready: string | number | null;
  /** Ends it, in place of SIGTERM; a service with one may put itself into the background. */
  stop: string | null;
  startTimeoutMs: number;
};

/** How services ran beside a command, as the program that started them tells it. */
export type ServicesRun = {
  /** Null: all of them ran until the command was over. `says`: one clause, without the name. */
  failed: { name: string; says: string; tail: string } | null;
  ready: { name: string; readyMs: number }[];
  /** What else a person should know, as clauses: which one did not stop. */
  notes: string[];
};

/** Of an agent's environment: the program that runs a command beside the services. */
export const servicesVariable = "DEPUTY_SERVICES";

export const defaultStartTimeoutMs = 60_000;

/** Ports of all services together: as many as one lease has. */
export const maxPorts = 19;

/** `db` (`postgres …`, its port in $PGPORT) */
export function describeService({ name, ports, run }: Service): string {
  const command = cutText(run.replace(/\s+/g, " ").trim(), 200);
  const where = ports.map((port) => `$${port}`).join(", ");
  const told = `, its ${ports.length === 1 ? "port" : "ports"} in ${where}`;
  return `\`${name}\` (\`${command}\`${ports.length === 0 ? "" : told})`;
}
