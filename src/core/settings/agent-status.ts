import type { CliName } from "./agent-name.ts";

/** An agent as found on this machine: whether it can work, and if not, why. */
export type AgentStatus = {
  name: "builtin" | CliName;
  /** Null: not installed. The builtin agent always is. */
  path: string | null;
  version: string | null;
  access: "key" | "login" | "none";
  usable: boolean;
  /** Why it cannot work and what to do, or how it reaches its model, in one clause. */
  detail: string;
  /** The agent of a task that names none, when nothing else is configured. */
  isDefault: boolean;
};
