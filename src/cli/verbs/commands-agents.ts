import { agentsWire } from "../../api/daemon.ts";
import type { Lenient } from "../../api/lenient.ts";
import { connect } from "../client.ts";
import { type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { plain, renderTable } from "../render/text.ts";
import type { Json } from "./commands-look.ts";

/** `deputy agents`: which agents can work, and what the others lack. */
export async function listAgents(io: CliIo, { json }: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(agentsWire, "GET", "/v1/agents");
  io.stdout.write(json ? `${JSON.stringify(raw)}\n` : `${renderAgents(value.agents)}\n`);
  return exitCodes.ok;
}

function renderAgents(agents: Lenient<typeof agentsWire>["agents"]): string {
  const table = renderTable([
    ["AGENT", "VERSION", "USABLE", "WHY"],
    ...agents.map(({ name, version, usable, detail }) => [
      name,
      version ?? "-",
      usable ? "yes" : "no",
      plain(detail),
    ]),
  ]);
  const chosen = agents.find((agent) => agent.is_default);
  return `${table.trimEnd()}\n${
    chosen
      ? `A task that names no agent gets ${chosen.name}, unless the configuration says otherwise.`
      : "A task has to name an agent: none of these can work."
  }`;
}
