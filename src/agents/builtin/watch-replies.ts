import { firstLine } from "../../core/text/clean-text.ts";
import type { LoopEnd } from "./loop.ts";
import type { Reply } from "./model/model.ts";

/**
 * Detects a model that makes no progress: empty replies, no tool calls, repeated calls, cut
 * replies. The model is warned first; if that does not help, the attempt ends.
 */
export type Judgement =
  /** Accept the reply, then send `tell`. */
  | { kind: "take"; tell: string | null }
  /** Run nothing of the reply, and send `tell`. */
  | { kind: "drop"; tell: string }
  | { kind: "end"; end: Pick<LoopEnd, "reason" | "failure" | "detail" | "summary"> };

const maxCuts = 2;
const maxRepeats = 3;

export function watchReplies(): (reply: Reply) => Judgement {
  let worked = false;
  let nudged = false;
  let cuts = 0;
  let repeats = 1;
  let lastCalls = "";

  return ({ text, toolCalls, finish }) => {
    if (finish === "withheld") return fail("the provider's content filter withheld the reply");
    if (finish === "refused") return fail(`the model refused: ${firstLine(text, 200)}`);
    cuts = finish === "cut" ? cuts + 1 : 0;
    if (cuts > maxCuts) return fail(`${cuts} replies in a row were cut off at the length limit`);
    if (finish === "cut") return { kind: "drop", tell: cutOff };

    if (toolCalls.length === 0) {
      if (!nudged) {
        nudged = true;
        return { kind: "drop", tell: callFinish };
      }
      if (text.trim() === "") return fail("the model sent an empty reply twice");
      if (!worked) return fail(`the model did no work: ${firstLine(text, 200)}`);
      const detail = "stopped without finish";
      return { kind: "end", end: { reason: "done", failure: null, detail, summary: text } };
    }
    nudged = false;
    worked = true;

    const these = JSON.stringify(toolCalls.map((call) => [call.name, call.arguments]));
    repeats = these === lastCalls ? repeats + 1 : 1;
    lastCalls = these;
    if (repeats > maxRepeats) {
      const names = toolCalls.map((call) => call.name).join(", ");
      return fail(`the model made the same call ${repeats} times (${names})`, "stalled");
    }
    return { kind: "take", tell: repeats === maxRepeats ? changeCourse : null };
  };
}

function fail(detail: string, failure: "agent_failed" | "stalled" = "agent_failed"): Judgement {
  return { kind: "end", end: { reason: "gave_up", failure, detail, summary: null } };
}

const cutOff =
  "Your reply was cut off at the length limit. No tool was run. Go on with a shorter reply; write long files in several parts.";
const callFinish =
  "You called no tool. If the work is done, call finish. If you need a person's decision, call ask. Otherwise go on with the next tool call.";
const changeCourse =
  "You made the same call three times in a row with the same result to expect. Do something else, or call finish and say what is not done. One more repetition ends this attempt.";
