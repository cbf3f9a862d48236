import { agentsWire } from "../../api/daemon.ts";
import type { Lenient } from "../../api/lenient.ts";
import { connect } from "../client.ts";
import { type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { formatDuration, oneLine, plain, renderTable } from "../render/text.ts";
import type { Json } from "./commands-look.ts";

type Listed = Lenient<typeof agentsWire>;

/** `deputy agents`: which agents can work, what the others lack, and the slots where work runs. */
export async function listAgents(io: CliIo, { json }: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(agentsWire, "GET", "/v1/agents");
  const parts = () => [renderAgents(value), ...renderProcesses(value, Date.now())];
  io.stdout.write(json ? `${JSON.stringify(raw)}\n` : `${parts().join("\n")}\n`);
  return exitCodes.ok;
}

function renderAgents({ agents }: Listed): string {
  const table = renderTable([
    ["AGENT", "VERSION", "USABLE", "WHY"],
    ...agents.map(({ name, version, usable, detail }) => [
      name,
      version ?? "-",
      usable ? "yes" : "no",
      plain(detail),
    ]),
  ]);
  const limits = agents.flatMap(({ limit, name }) => {
    if (!limit) return [];
    const { reason, resets_at, waiting } = limit;
    const end = resets_at === null ? "no time is known" : `ends ${resets_at}`;
    return [
      `${name} is at its provider's limit (${end}; ${waiting} ${waiting === 1 ? "waits" : "wait"}): ${oneLine(reason, 200)}`,
    ];
  });
  const chosen = agents.find((agent) => agent.is_default);
  const last = chosen
    ? `A task that names no agent gets ${chosen.name}, unless the configuration says otherwise.`
    : "A task has to name an agent: none of these can work.";
  return [table.trimEnd(), ...limits, last].join("\n");
}

/** Nothing of a daemon that does not say it. */
function renderProcesses({ processes, slots }: Listed, now: number): string[] {
  if (slots === null) return [];
  const lines = processes.map(({ host, kind, pid, runs, since, slots: own, version }) => [
    kind,
    `${plain(host)}:${pid}`,
    version ?? "-",
    `${own.busy}/${own.total}`,
    formatDuration(now - Date.parse(since)),
    runs
      .map(({ stage, subtask, task_id }) =>
        plain(`${stage} ${task_id}${subtask ? `/${subtask}` : ""}`),
      )
      .join(", ") || "nothing",
  ]);
  const table = renderTable([
    ["PROCESS", "WHERE", "VERSION", "SLOTS", "FOR", "WORKS ON"],
    ...lines,
  ]);
  return ["", table, `${slots.busy} of ${slots.total} slots for attempts are taken.`];
}
