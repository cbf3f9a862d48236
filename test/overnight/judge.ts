import { processMark } from "../../src/core/base/marks.ts";
import { lookForMark } from "../../src/sandbox/process/process-identity.ts";
import type { Json } from "../support/deputy.ts";
import { until } from "../support/until.ts";
import type { End, Fault, Observed, Spec } from "./fault.ts";
import { honestTurns, type World } from "./world.ts";

/**
 * What became of every accepted task, seen from outside: by the branch in the user's repository and by
 * the phone, not by what the daemon says of itself. Waits until each is over or asks a person.
 */
const patienceMs = Number(process.env.DEPUTY_OVERNIGHT_PATIENCE_S ?? 120) * 1_000;

export async function judge(
  world: World,
  fault: Pick<Fault, "name" | "layer" | "what">,
  fired: string | null,
  start: { rssMb: number; descriptors: number },
): Promise<Observed> {
  const ends: Observed["ends"] = {};
  const words: Observed["words"] = {};
  const wanted: Observed["wanted"] = {};
  const duplicates: string[] = [];
  const healthyStopped: string[] = [];
  const times: number[] = [];
  for (const [name, { id, spec }] of world.tasks) {
    const view = await settle(world, id);
    const end = findEnd(world, spec, view);
    ends[name] = end;
    wanted[name] = spec.ends ?? "verified";
    if (end !== "verified") words[name] = describe(view);
    const events = await world.deputy.events(id);
    times.push(...events.map(({ at }) => Date.parse(at)));
    duplicates.push(...findDuplicates(world, name, events));
    for (const attempt of view?.attempts ?? [])
      if (!spec.isIll && ["stalled", "timed_out"].includes(attempt.end_reason))
        healthyStopped.push(`${name}: ${attempt.detail}`);
  }
  const recoveryMs = world.starts.slice(1).flatMap(({ at, backAt }) => {
    const next = Math.min(...times.filter((time) => time >= at));
    return Number.isFinite(next) ? [Math.max(0, next - backAt)] : [];
  });
  const calls = world.model.requests.filter(({ role }) => role === "honest").length;
  const byModel = [...world.tasks.keys()].filter((name) => name.startsWith("A model writes"));
  const leftovers = await findLeftovers(world);
  const usage = world.usage();
  return {
    ...{
      fault: fault.name,
      layer: fault.layer,
      what: fault.what,
      fired,
      ends,
      wanted,
      words,
      duplicates,
    },
    ...{ healthyStopped, recoveryMs, leftovers },
    repeatedTurns: byModel.length > 0 ? calls - byModel.length * honestTurns : null,
    rssMb: { start: start.rssMb, end: usage.rssMb },
    descriptors: { start: start.descriptors, end: usage.descriptors },
  };
}

type View = { task: Json; attempts: Json[]; questions: Json[] } | null;

/** The task once it is over or asks; null: neither, in all that time. */
async function settle({ deputy }: World, id: string): Promise<View> {
  const look = async () => {
    // It may be away for the moment: that is what is being tried.
    const answer = await deputy.api("GET", `/v1/tasks/${id}`).catch(() => null);
    if (answer?.status !== 200) return null;
    const { task, questions } = answer.body;
    const isOver = ["completed", "failed", "cancelled"].includes(task.state);
    const asks = questions.some((question: Json) => question.answered_at === null);
    return isOver || asks ? answer.body : null;
  };
  // Null is the verdict then: lost.
  return until(look, `${id} is over`, patienceMs).catch(() => null);
}

function findEnd({ repository }: World, { wanted }: Spec, view: View): End {
  if (view === null) return "lost";
  const { questions, task } = view;
  if (task.state !== "completed")
    return questions.some((question: Json) => question.answered_at === null) ? "asks" : "failed";
  const isRight = Object.entries(wanted).every(([file, text]) => {
    try {
      return repository.git("show", `${task.branch}:${file}`) === text;
    } catch {
      return false; // it is not there
    }
  });
  return isRight ? "verified" : "wrong";
}

function describe(view: View): string {
  if (view === null) return "neither over nor asking";
  const open = view.questions.find((question: Json) => question.answered_at === null);
  return open?.text ?? view.task.end_detail ?? view.task.state;
}

function findDuplicates({ phone }: World, name: string, events: readonly { type: string }[]) {
  const count = (fits: boolean[]) => fits.filter(Boolean).length;
  const completions = count(events.map(({ type }) => type === "task.completed"));
  const pushes = count(phone.titles().map((title) => title === `Done: ${name}`));
  return [
    ...(completions > 1 ? [`${name} completed ${completions} times`] : []),
    ...(pushes > 1 ? [`${name} pushed ${pushes} times`] : []),
  ];
}

/** What still runs after the last task is over. */
async function findLeftovers(world: World): Promise<string[]> {
  const { deputy } = world;
  const rows = (await deputy.database?.query<{ id: string }>("select id from processes")) ?? [];
  const running = () =>
    rows.flatMap(({ id }) => lookForMark({ name: processMark, value: id }, null).marked);
  const gone = await until(() => running().length === 0, "all agents are gone", 10_000).catch(
    () => false,
  );
  return gone ? [] : running().map(({ pid }) => `process ${pid}`);
}
