import { taskDetailWire } from "../../api/task/task-detail.ts";
import { connect, taskPath } from "../client.ts";
import { followTask } from "../follow-task.ts";
import { type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { readFreeze } from "../read-freeze.ts";
import { chooseColors } from "../render/colors.ts";
import { renderEvent } from "../render/render-event.ts";
import { renderEnd } from "../render/render-task.ts";
import { makeSayOnce } from "../render/say-once.ts";
import { oneLine } from "../render/text.ts";
import { makeSubtaskKeys } from "../subtask-keys.ts";

/**
 * `deputy watch`: one line per event until the task is over; Ctrl-C detaches and the task
 * continues. With --json each line is an event as the daemon sent it, and the last line is
 * `{"type":"end","state":…,"task":…}`.
 */
export async function watchTask(
  io: CliIo,
  id: string,
  { json }: { json: boolean },
): Promise<ExitCode> {
  const colors = chooseColors(io);
  const { task } = (await connect(io).json(taskDetailWire, "GET", taskPath(id))).value;
  const frozen = json ? "" : await readFreeze(io);
  const startedAt = new Date(task.created_at).getTime();
  const sayOnce = makeSayOnce();
  const keyOf = makeSubtaskKeys(io, task.id);
  const detach = new AbortController();
  const stopListening = io.onInterrupt(() => detach.abort());
  if (!json) io.stdout.write(`${colors.bold(task.id)}  ${oneLine(task.title, 200)}\n${frozen}`);
  const state = await followTask(io, task.id, {
    signal: detach.signal,
    onEvent: async (event, raw) => {
      const key = json ? null : await keyOf(event.subtask_id);
      const line = json ? raw : renderEvent(sayOnce.shorten(event), startedAt, colors, key);
      io.stdout.write(`${line}\n`);
      if (event.type === "question.asked" && !json)
        io.stdout.write(colors.dim(`          answer it: deputy answer ${task.id} "…"\n`));
    },
    onConnection: (connection) =>
      io.stderr.write(
        connection === "lost"
          ? "The daemon is not reachable; waiting for it to come back (Ctrl-C detaches).\n"
          : "The daemon is back.\n",
      ),
  }).finally(stopListening); // from here on Ctrl-C ends the process as usual
  if (state === null) {
    io.stderr.write(
      `\nDetached; ${task.id} is not affected. Come back with: deputy watch ${task.id}\n`,
    );
    return exitCodes.interrupted;
  }
  const detail = await connect(io).json(taskDetailWire, "GET", taskPath(task.id));
  if (json) {
    const raw = detail.raw as { task: unknown };
    io.stdout.write(`${JSON.stringify({ type: "end", state, task: raw.task })}\n`);
  } else {
    io.stdout.write(`${renderEnd(detail.value, colors, sayOnce.isSaid)}\n`);
  }
  return state === "completed" ? exitCodes.ok : exitCodes.taskFailed;
}
