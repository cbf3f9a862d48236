import type { AgentEnd, AgentRun } from "../agent.ts";
import { describeMessages, howToAsk, readQuestion, writeBriefing } from "./brief.ts";
import { askAgain, askForOutput, makeOutputReader } from "./read-output.ts";

/**
 * The turns of one run with a third-party agent, each from a message to its last answer. Usually
 * there is one. Another follows if the session could not be resumed, if an answer did not match its
 * schema (once), or if a person sent a message in the meantime.
 */
export type TakeTurn = (message: string, resume: string | null) => Promise<TurnEnd>;

export type TurnEnd = {
  end: AgentEnd;
  /** Its last message, or its answer by the schema. */
  answer: unknown;
  /** The session no longer existed, and nothing was done. */
  isGone: boolean;
};

export async function converse(
  run: Pick<AgentRun, "brief" | "session" | "outputSchema" | "takeMessages" | "emit">,
  take: TakeTurn,
): Promise<AgentEnd> {
  const { session, outputSchema } = run;
  const readOutput = outputSchema ? makeOutputReader(outputSchema) : null;
  const tail = outputSchema ? askForOutput(outputSchema) : howToAsk;
  const earlier = [...session.entries];
  const said = await run.takeMessages();
  const brief = run.brief + describeMessages(said);
  await session.append([{ told: run.brief }, ...said.map((text) => ({ told: text }))]);

  let note = "";
  let turn: TurnEnd;
  if (session.externalId) {
    turn = await take(brief + tail, session.externalId);
    if (turn.isGone) {
      note = "; its session could not be gone on with, so a fresh one was briefed";
      turn = await take(writeBriefing(earlier, brief) + tail, null);
    }
  } else turn = await take(writeBriefing(earlier, brief) + tail, null);

  for (let corrections = 0; turn.end.reason === "done"; ) {
    const id = session.externalId;
    if (readOutput && outputSchema) {
      const output = readOutput(turn.answer);
      if (output.ok) return { ...turn.end, detail: turn.end.detail + note, output: output.value };
      if (corrections++ > 0 || id === null) {
        const detail = `its answer is not by the schema: ${output.why}`;
        return { ...turn.end, reason: "gave_up", failure: "agent_failed", detail };
      }
      turn = await take(askAgain(outputSchema, output.why), id);
      continue;
    }
    const asked = readQuestion(String(turn.answer));
    if (asked !== null) {
      run.emit({ kind: "question", text: asked.question });
      const detail = "asked a question";
      return { ...turn.end, reason: "needs_input", failure: "question", detail, ...asked };
    }
    const heard = id === null ? [] : await run.takeMessages();
    if (heard.length === 0) break;
    const message = heard.join("\n\n");
    await session.append([{ told: message }]);
    turn = await take(message, id);
  }
  return { ...turn.end, detail: turn.end.detail + note };
}
