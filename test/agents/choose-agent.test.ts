import { expect, test } from "vitest";
import { chooseAgent, defaultAgent } from "../../src/agents/choose-agent.ts";
import { DeputyError } from "../../src/core/error.ts";

const builtin = { apiKey: "sk-x", baseUrl: null, model: "m" };

function caught(work: () => unknown): DeputyError {
  try {
    work();
  } catch (error) {
    if (error instanceof DeputyError) return error;
  }
  throw new Error("a DeputyError was expected");
}

test("an agent is chosen by its name", () => {
  expect(chooseAgent("builtin", { builtin })).toBeTypeOf("function");
  expect(chooseAgent("command:npx prettier -w .", { builtin: null })).toBeTypeOf("function");
  expect(defaultAgent({ builtin })).toBe("builtin");
});

test("what cannot be chosen is said, with what to do", () => {
  expect(caught(() => chooseAgent("gpt", { builtin }))).toMatchObject({
    code: "invalid_input",
    field: "agent",
    message: expect.stringContaining('"gpt" is no known agent'),
  });
  for (const work of [
    () => chooseAgent("builtin", { builtin: null }),
    () => defaultAgent({ builtin: null }),
  ]) {
    expect(caught(work).message).toMatch(/set OPENAI_API_KEY.*--agent 'command:/);
  }
});
