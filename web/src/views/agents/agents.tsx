import type { z } from "zod";
import type { agentsWire } from "../../../../src/api/daemon.ts";
import { useResource } from "../../data/use-resource.ts";
import { useTitle } from "../../data/use-title.ts";
import { OutsideText } from "../../parts/outside-text.tsx";
import { Empty, Shown } from "../../parts/shown.tsx";
import { Time } from "../../parts/time.tsx";
import { plural } from "../../parts/words.ts";
import { Brake } from "./brake.tsx";
import { Machines } from "./machines.tsx";
import "./agents.css";

/** Who can work, on what machines, and the brake on all of it. */
type List = z.infer<typeof agentsWire>;
type Agent = List["agents"][number];

export default function Agents() {
  useTitle("Agents");
  // What runs changes with each task that begins or ends something.
  const list = useResource<List>("/v1/agents", ({ tasks }) => tasks.length > 0);
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
      {list.data && <Machines slots={list.data.slots} processes={list.data.processes} />}
      <h2 class="section-title">Brake</h2>
      <Brake />
    </>
  );
}

function AgentCard({ agent }: { agent: Agent }) {
  const { access, detail, is_default, limit, name, path, usable, version } = agent;
  return (
    <li class="card agent">
      <div class="agent-head">
        <h2>{name}</h2>
        <span class={`state ${usable ? "good" : "off"}`}>
          <span aria-hidden="true">{usable ? "✓" : "–"}</span> {usable ? "can work" : "cannot work"}
        </span>
        {is_default && <span class="chip">default</span>}
      </div>
      <p>
        <OutsideText text={detail} />
      </p>
      {limit && (
        <p class="agent-limit">
          At its provider's limit,{" "}
          {limit.resets_at === null ? (
            "and no time is known"
          ) : (
            <Time at={limit.resets_at} prefix="which ends " />
          )}
          {limit.waiting > 0 && ` (${plural(limit.waiting, "waits", "wait")} for it)`}:{" "}
          <OutsideText text={limit.reason} />
        </p>
      )}
      <p class="soft agent-facts">
        {version && (
          <span>
            version <OutsideText text={version} />
          </span>
        )}
        {access !== "none" && <span>{access === "key" ? "by API key" : "by its own login"}</span>}
        {path && <code>{path}</code>}
      </p>
    </li>
  );
}
