// A program that speaks the Agent Client Protocol as a script tells it to, on stdin and stdout.
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";

const script = JSON.parse(process.argv[2]);
let asked = 0;
let prompt = null;
const send = (message) =>
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const update = (content) =>
  send({ method: "session/update", params: { sessionId: "s-1", update: content } });
const say = (text) =>
  update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text } });
const stop = (stopReason) => send({ id: prompt, result: { stopReason } });

const answers = {
  initialize: () => ({
    protocolVersion: 1,
    agentCapabilities: { loadSession: script.loads === true },
  }),
  "session/new": () => {
    if (script.fails) throw { code: -32603, message: "Internal error", data: script.fails };
    if (script.needsLogin) throw { code: -32000, message: "Authentication required" };
    return { sessionId: "s-1" };
  },
  "session/load": ({ sessionId }) => {
    if (sessionId !== "s-1") throw { code: -32002, message: "Resource not found" };
    say("said long ago");
    return {};
  },
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params, result } = JSON.parse(line);
  if (script.record) appendFileSync(script.record, `${line}\n`);
  if (method === "session/prompt") {
    prompt = id;
    if (script.dies) process.kill(process.pid, "SIGKILL");
    if (script.hangs) return;
    if (script.permission)
      return send({
        id: 900 + asked++,
        method: "session/request_permission",
        params: script.permission,
      });
    say(script.says?.[asked++] ?? "Done.");
    stop(script.stops ?? "end_turn");
  } else if (method === "session/cancel") {
    if (!script.permission) stop("cancelled");
  } else if (id >= 900 && result) {
    say(`permission: ${result.outcome.optionId ?? result.outcome.outcome}`);
    stop(result.outcome.optionId ? "end_turn" : "cancelled");
  } else if (method && id !== undefined) {
    try {
      send({ id, result: answers[method](params) });
    } catch (error) {
      send({ id, error });
    }
  }
});
