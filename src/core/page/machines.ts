import type { AgentStatus } from "../settings/agent-status.ts";
import type { StageName } from "../task/outcome.ts";

/** Who can work, on which machines, and what they are at. */
export type AgentsView = {
  agents: (AgentStatus & { limit: AgentLimit | null })[];
  /** Of all processes; how many attempts run at once, and how many do. */
  slots: Slots;
  processes: Machine[];
};

export type Slots = { total: number; busy: number };

/** A daemon or a worker that is registered. */
export type Machine = {
  id: string;
  kind: "daemon" | "worker";
  host: string;
  pid: number;
  /** Null: of a version that did not say so yet. */
  version: string | null;
  since: Date;
  /** When it last renewed its leases. */
  seenAt: Date;
  slots: Slots;
  /** The claims in its hands, of all stages, the oldest first. */
  runs: { taskId: string; title: string; subtask: string | null; stage: StageName; since: Date }[];
};

/** What an agent's provider refuses for now, as it was last told. */
export type AgentLimit = {
  reason: string;
  /** Null: the provider named no time. */
  resetsAt: Date | null;
  /** When it was told. */
  since: Date;
  /** How many tasks and subtasks wait for its end. */
  waiting: number;
};
