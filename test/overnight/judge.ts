import { until } from "../support/until.ts";
import type { End, Fault, Observed, Spec } from "./fault.ts";
import type { TaskEnd } from "./system.ts";
import { countRepeated, findKillCosts } from "./turns.ts";
import { honestTurns, type Usage, type World } from "./world.ts";

/**
 * What became of every accepted task, seen from outside: by the branch in the user's repository, the
 * phone and the model's server, not by what the system says of itself. Waits until each is over or asks
 * a person.
 */
const patienceMs = Number(process.env.DEPUTY_OVERNIGHT_PATIENCE_S ?? 180) * 1_000;

export async function judge(
  world: World,
  { layer, name, what }: Pick<Fault, "name" | "layer" | "what">,
  fired: string | null,
  start: Usage,
): Promise<Observed> {
  const seen: Observed = {
    ...{ fault: name, layer, what, fired, ends: {}, unexpected: [], duplicates: [], start },
    ...{ healthyStopped: [], lostWork: 0, recoveryMs: [], sinceStartMs: [], kills: [] },
    ...{ repeatedTurns: 0, leftovers: [], end: start },
  };
  const times: number[] = [];
  for (const [task, { id, spec }] of world.tasks) {
    const found = await settle(world, id);
    const end = judgeEnd(world, spec, found);
    seen.ends[task] = end;
    if (!(spec.ends ?? ["verified"]).includes(end))
      seen.unexpected.push(`${task}: ${end}, ${found?.words ?? "neither over nor asking"}`);
    times.push(...(await world.system.readEvents(id)).map(({ at }) => at));
    seen.duplicates.push(...findDuplicates(world, task, found));
    seen.lostWork += found?.lostWork ?? 0;
    const attempts = found?.attempts ?? [];
    if (!spec.isIll)
      for (const { ended, words } of attempts)
        if (ended === "stopped") seen.healthyStopped.push(`${task}: ${words}`);
    const turns = findTurns(world, task);
    seen.repeatedTurns += countRepeated(turns);
    seen.kills.push(...findKillCosts(task, turns, attempts, world.kills, world.losses));
  }
  for (const [index, { at, backAt }] of world.starts.entries()) {
    const until = world.starts[index + 1]?.at ?? Number.POSITIVE_INFINITY;
    const next = Math.min(...times.filter((time) => time >= at));
    // The first start is no recovery, and one that is killed before any progress had none.
    if (index === 0 || next >= until) continue;
    seen.recoveryMs.push(Math.max(0, next - backAt));
    seen.sinceStartMs.push(next - at);
  }
  seen.leftovers = await findLeftovers(world);
  seen.end = await world.usage();
  return seen;
}

/** All that must not be in what was observed; empty in a good night. */
export function findFlaws(seen: Observed): string[] {
  return [
    ...(seen.fired === null ? ["it was not seen to fire"] : []),
    ...[seen.unexpected, seen.duplicates, seen.healthyStopped, seen.leftovers].flat(),
    ...seen.kills
      .filter(({ repeated }) => repeated > 1)
      .map(({ repeated, task }) => `${task}: a kill repeated ${repeated} paid turns`),
  ];
}

/** The task once it is over or asks; null: neither, in all that time. */
function settle({ system }: World, id: string): Promise<TaskEnd | null> {
  // It may be away for the moment: that is what is being tried. Null is the verdict then: lost.
  const look = () => system.readEnd(id).catch(() => null);
  return until(look, `${id} is over`, patienceMs, 250).catch(() => null);
}

function judgeEnd({ repository }: World, { wanted }: Spec, found: TaskEnd | null): End {
  if (found === null) return "lost";
  if (found.end !== "completed") return found.end;
  const isRight = Object.entries(wanted).every(([file, text]) => {
    try {
      return repository.git("show", `${found.branch}:${file}`) === text;
    } catch {
      return false; // it is not there
    }
  });
  return isRight ? "verified" : "wrong";
}

function findDuplicates({ phone, system }: World, name: string, found: TaskEnd | null): string[] {
  const pushes = phone.titles().filter((title) => title === system.doneTitle(name)).length;
  const completions = found?.completions ?? 0;
  return [
    ...(completions > 1 ? [`${name} completed ${completions} times`] : []),
    ...(pushes > 1 ? [`${name} pushed ${pushes} times`] : []),
  ];
}

/** What comes after the script's last turn has been paid before, too: the agent was done. */
function findTurns({ conversations, model }: World, task: string) {
  return model.requests
    .filter(({ conversation }) => conversations.get(conversation) === task)
    .map(({ at, endedAt, turn, usage }) => {
      return { at, endedAt, usage, turn: Math.min(turn, honestTurns.length - 1) };
    });
}

/** What still runs after the last task is over. */
async function findLeftovers({ system }: World): Promise<string[]> {
  const areGone = async () => (await system.agents()).length === 0;
  const gone = await until(areGone, "all agents are gone", 10_000).catch(() => false);
  return gone ? [] : (await system.agents()).map((pid) => `process ${pid} was left behind`);
}
