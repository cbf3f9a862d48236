import { setTimeout as sleep } from "node:timers/promises";
import { pressWire, testedPushWire } from "../../api/phone.ts";
import { connect } from "../client.ts";
import { type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { oneLine } from "../render/text.ts";
import type { Json } from "./commands-look.ts";

/**
 * `deputy notify test`: sends a push on each channel, and waits until the button of the one by ntfy
 * comes back. Exits with 1 where something is missing.
 */
export async function testPush(
  io: CliIo,
  { json, wait }: Json & { wait: number },
): Promise<ExitCode> {
  const client = connect(io);
  const say = (line: string) => (json ? undefined : io.stdout.write(`${line}\n`));
  const { value: sent } = await client.json(testedPushWire, "POST", "/v1/notify/test");
  for (const { name, problem } of sent.channels)
    say(problem === null ? `${name}: sent` : `${name}: not sent: ${oneLine(problem, 500)}`);
  const isSent = sent.channels.every(({ problem }) => problem === null);
  let pressedAfterS: number | null = null;
  if (sent.id === null) {
    if (sent.no_button !== null) say(`no button to press: ${oneLine(sent.no_button, 500)}`);
  } else {
    say(`Press the button of the push, within ${wait} s.`);
    pressedAfterS = await untilPressed(sent.id);
    say(
      pressedAfterS === null
        ? `No press came back within ${wait} s: look whether the push is on your phone (an iPhone shows buttons only inside the ntfy app), and what deputy doctor says.`
        : `pressed after ${pressedAfterS} s: the way to you and back works`,
    );
  }
  if (json) io.stdout.write(`${JSON.stringify({ ...sent, pressed_after_s: pressedAfterS })}\n`);
  return isSent && (sent.id === null || pressedAfterS !== null)
    ? exitCodes.ok
    : exitCodes.taskFailed;

  async function untilPressed(id: string): Promise<number | null> {
    const start = Date.now();
    for (;;) {
      const path = `/v1/notify/test/${encodeURIComponent(id)}`;
      const { value } = await client.json(pressWire, "GET", path);
      const passedS = (Date.now() - start) / 1_000;
      if (value.pressed_at !== null) return Math.round(passedS);
      if (passedS >= wait) return null;
      await sleep(lookMs);
    }
  }
}

const lookMs = 500;
