import type { z } from "zod";
import type { agentsWire, healthWire } from "../../../../src/api/daemon.ts";
import { useResource } from "../../data/use-resource.ts";
import { useTitle } from "../../data/use-title.ts";
import { OutsideText } from "../../parts/outside-text.tsx";
import { Empty, Shown } from "../../parts/shown.tsx";
import { Time } from "../../parts/time.tsx";
import { formatDuration } from "../../parts/words.ts";
import { Brake } from "./brake.tsx";
import "./agents.css";

/** Who can work, on what machine, and the brake on all of it. */
type Agent = z.infer<typeof agentsWire>["agents"][number] & Capacity;

/** What a daemon tells of an agent that has slots or limits of its own. */
type Capacity = {
  slots?: { used: number; of: number } | null;
  limit?: { reason: string; resets_at: string | null } | null;
};

export default function Agents() {
  useTitle("Agents");
  const list = useResource<{ agents: Agent[] }>("/v1/agents");
  const health = useResource<z.infer<typeof healthWire>>("/healthz");
  return (
    <>
      <h1 class="view-title">Agents and machines</h1>
      <Shown resource={list} skeleton={4}>
        {({ agents }) =>
          agents.length === 0 ? (
            <Empty title="No agent is known.">
              <p>
                On Deputy's machine, <code>deputy doctor</code> says how to get one.
              </p>
            </Empty>
          ) : (
            <ul class="cards agents">
              {agents.map((agent) => (
                <AgentCard key={agent.name} agent={agent} />
              ))}
            </ul>
          )
        }
      </Shown>
      <h2 class="section-title">This daemon</h2>
      <Shown resource={health} skeleton={1}>
        {({ process_id, uptime_s, version }) => (
          <dl class="facts card">
            <div>
              <dt>Version</dt>
              <dd>{version}</dd>
            </div>
            <div>
              <dt>Runs for</dt>
              <dd>{formatDuration(uptime_s * 1_000)}</dd>
            </div>
            <div>
              <dt>Process</dt>
              <dd>
                <code>{process_id}</code>
              </dd>
            </div>
          </dl>
        )}
      </Shown>
      <h2 class="section-title">Brake</h2>
      <Brake />
    </>
  );
}

function AgentCard({ agent }: { agent: Agent }) {
  const { access, detail, is_default, limit, name, path, slots, usable, version } = agent;
  return (
    <li class="card agent">
      <div class="agent-head">
        <h2>{name}</h2>
        <span class={`state ${usable ? "good" : "off"}`}>
          <span aria-hidden="true">{usable ? "✓" : "–"}</span> {usable ? "can work" : "cannot work"}
        </span>
        {is_default && <span class="chip">default</span>}
      </div>
      <p class="agent-detail">
        <OutsideText text={detail} />
      </p>
      {limit && (
        <p class="agent-limit">
          At its limit: <OutsideText text={limit.reason} />
          {limit.resets_at && (
            <>
              {" "}
              (<Time at={limit.resets_at} prefix="ends " />)
            </>
          )}
        </p>
      )}
      <p class="soft agent-facts">
        {version && (
          <span>
            version <OutsideText text={version} />
          </span>
        )}
        {slots && (
          <span>
            {slots.used} of {slots.of} slots at work
          </span>
        )}
        {access !== "none" && <span>{access === "key" ? "by API key" : "by its own login"}</span>}
        {path && <code>{path}</code>}
      </p>
    </li>
  );
}
