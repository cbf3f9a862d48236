import type { z } from "zod";
import type { agentsWire } from "../../../../src/api/daemon.ts";
import { Link } from "../../data/router.tsx";
import { OutsideText } from "../../parts/outside-text.tsx";
import { Time } from "../../parts/time.tsx";

/** Where work runs: the daemon and its workers, how much each takes on, and what it is at. */
type Machines = Pick<z.infer<typeof agentsWire>, "processes" | "slots">;
type Process = Machines["processes"][number];

export function Machines({ processes, slots }: Machines) {
  return (
    <>
      <h2 class="section-title">Machines</h2>
      {slots && (
        <p class="hint">
          {slots.busy} of {slots.total} slots for attempts are taken.
        </p>
      )}
      <ul class="cards agents">
        {processes.map((process) => (
          <ProcessCard key={process.id} process={process} />
        ))}
      </ul>
    </>
  );
}

function ProcessCard({ process }: { process: Process }) {
  const { host, id, kind, pid, runs, seen_at, since, slots, version } = process;
  return (
    <li class="card agent">
      <div class="agent-head">
        <h3>
          {kind === "daemon" ? "Daemon" : "Worker"} on <OutsideText text={host} />
        </h3>
        <span class="chip">
          {slots.busy} of {slots.total} slots
        </span>
      </div>
      <p class="soft agent-facts">
        <span>version {version ?? "unknown"}</span>
        <Time at={since} prefix="started " />
        <Time at={seen_at} prefix="seen " />
        <code title={id}>pid {pid}</code>
      </p>
      {runs.length === 0 ? (
        <p class="soft">It works on nothing.</p>
      ) : (
        <ul class="machine-runs" aria-label="Works on">
          {runs.map((run) => (
            <li key={`${run.task_id} ${run.subtask} ${run.stage}`}>
              <span class="chip">{run.stage}</span>{" "}
              <Link href={`/tasks/${encodeURIComponent(run.task_id)}`}>
                <OutsideText text={run.title} />
              </Link>{" "}
              <span class="soft">
                {run.subtask !== null && (
                  <>
                    <OutsideText text={run.subtask} />,{" "}
                  </>
                )}
                <Time at={run.since} prefix="begun " />
              </span>
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}
