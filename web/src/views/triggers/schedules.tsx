import type { z } from "zod";
import type { firedWire, scheduleWire } from "../../../../src/api/schedules.ts";
import { send } from "../../data/api.ts";
import { Link } from "../../data/router.tsx";
import { useResource } from "../../data/use-resource.ts";
import { Button } from "../../parts/button.tsx";
import { OutsideText } from "../../parts/outside-text.tsx";
import { Shown } from "../../parts/shown.tsx";
import { Time } from "../../parts/time.tsx";
import { nameRepository } from "../../parts/words.ts";

/** Rules of the clock: when each fires next, and a person's way to run, pause and resume it. */
type Schedule = z.infer<typeof scheduleWire>;

export function Schedules() {
  const list = useResource<{ schedules: Schedule[] }>(
    "/v1/schedules",
    ({ tasks }) => tasks.length > 0,
  );
  return (
    <Shown resource={list} skeleton={0}>
      {({ schedules }) =>
        schedules.length > 0 && (
          <>
            <h2 class="section-title">Schedules</h2>
            <ul class="cards">
              {schedules.map((schedule) => (
                <ScheduleCard key={schedule.name} schedule={schedule} changed={list.refresh} />
              ))}
            </ul>
          </>
        )
      }
    </Shown>
  );
}

function ScheduleCard({ schedule, changed }: { schedule: Schedule; changed: () => void }) {
  const { cron, goal, last, name, next_at, paused_at, repository, tz } = schedule;
  const path = `/v1/schedules/${encodeURIComponent(name)}`;
  const change = async (verb: "pause" | "resume") => {
    await send("POST", `${path}/${verb}`);
    changed();
    return verb === "pause" ? `${name} is paused.` : `${name} fires again.`;
  };
  const run = async () => {
    const { result } = await send<z.infer<typeof firedWire>>("POST", `${path}/run`);
    changed();
    return result ?? `${name} has fired.`;
  };
  return (
    <li class="card rule">
      <div class="rule-head">
        <h3>
          <OutsideText text={name} />
        </h3>
        <code>{cron}</code>
        <span class="soft">{tz}</span>
      </div>
      <p>
        <OutsideText text={goal} /> <span class="soft">in {nameRepository(repository)}</span>
      </p>
      <p class="soft">
        {paused_at ? (
          <Time at={paused_at} prefix="paused " />
        ) : (
          next_at && <Time at={next_at} prefix="fires " />
        )}
        {last && (
          <>
            {"; last time: "}
            <OutsideText text={last.result ?? "still open"} />{" "}
            {last.task_id && <Link href={`/tasks/${last.task_id}`}>its task</Link>}
          </>
        )}
      </p>
      <div class="actions">
        <Button confirm="Start its task now?" act={run}>
          Run now
        </Button>
        <Button act={() => change(paused_at ? "resume" : "pause")}>
          {paused_at ? "Resume" : "Pause"}
        </Button>
      </div>
    </li>
  );
}
