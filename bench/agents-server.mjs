import { callOf, turns } from "./agents-scenario.mjs";
import { loadModelServer } from "./load-model-server.mjs";

/**
 * The scripted model of the tests as a process of its own: what it takes to answer is no harness's.
 * On demand it tells its parent of all requests since the last time.
 */
const startModelServer = await loadModelServer();

const many = Number(process.env.BENCH_TURNS_OF_MANY ?? 6);
const server = await startModelServer({
  keepsBodies: false,
  scenario: {
    models: ["scripted"],
    roles: {
      many: {
        match: /one of many/,
        turns: (_seen, turn) => ({
          latencyMs: 200,
          calls: [turn < many ? callOf(turn) : { tool: "finish", args: { summary: "Counted." } }],
        }),
      },
      work: {
        match: /Count the value in src\/calc\.mjs/,
        turns: (_seen, turn) =>
          turn < turns
            ? { calls: [callOf(turn)] }
            : { text: "Done.", calls: [{ tool: "finish", args: { summary: "Counted." } }] },
      },
    },
  },
});

let taken = 0;
const wanted = ({ role, turn, at, endedAt, bytes, conversation, tools }) => ({
  ...{ role, turn, at, endedAt, bytes, conversation, tools },
});
process.on("message", async (message) => {
  switch (message.do) {
    case "take":
      process.send({ answer: server.requests.slice(taken).map(wanted) });
      taken = server.requests.length;
      break;
    case "hold":
      server.hold(({ role, turn }) => role === "many" && turn === message.turn);
      process.send({ answer: null });
      break;
    case "held": {
      // All of them are kept back at the same turn: that many attempts are under way at once.
      const held = () => server.requests.slice(taken).filter((r) => r.turn === message.turn).length;
      await server.waitForRequest(() => held() >= message.count);
      process.send({ answer: null });
      break;
    }
    case "release":
      server.release();
      process.send({ answer: null });
      break;
  }
});
process.on("disconnect", () => process.exit());
process.send({ answer: { url: server.url, origin: server.origin } });
