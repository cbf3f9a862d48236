import type { CliName } from "./agent-name.ts";

/** An agent as this machine has it: whether it can work, and if not, why. */
export type AgentStatus = {
  name: "builtin" | CliName;
  /** Null: not installed. Ours always is. */
  path: string | null;
  version: string | null;
  access: "key" | "login" | "none";
  usable: boolean;
  /** Why it cannot work and what to do, or how it gets at its model, in one clause. */
  detail: string;
  /** The one that a task gets that names none, where nothing else is configured. */
  isDefault: boolean;
};
