import type { AgentsView } from "../../core/page/machines.ts";
import type { AgentStatus } from "../../core/settings/agent-status.ts";
import type { Db } from "../../store/database/schema.ts";
import { listLimits } from "../../store/records/limits.ts";
import { listMachines } from "../../store/records/machines.ts";

/** Who can work on this machine, what the providers refuse for now, and where work runs. */
export function makeReadAgents(
  db: Db,
  listAgents: () => Promise<AgentStatus[]>,
): () => Promise<AgentsView> {
  return async () => {
    const [agents, limits, processes] = await Promise.all([
      listAgents(),
      listLimits(db),
      listMachines(db),
    ]);
    const count = (part: "total" | "busy") =>
      processes.reduce((sum, { slots }) => sum + slots[part], 0);
    return {
      agents: agents.map((status) => {
        const limit = limits.find(({ agent }) => agent === status.name) ?? null;
        return { ...status, limit };
      }),
      slots: { total: count("total"), busy: count("busy") },
      processes,
    };
  };
}
