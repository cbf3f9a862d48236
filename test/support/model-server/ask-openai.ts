import { OpenAI } from "openai";
import { onTestFinished } from "vitest";
import type { Scenario, Turn } from "./scenario.ts";
import { type ModelServer, type ModelServerOptions, startModelServer } from "./start.ts";

/** A server for this test, and the openai package as its client. */
export async function startWithClient(
  scenario: Scenario,
  options: Partial<ModelServerOptions> = {},
): Promise<{ server: ModelServer; client: OpenAI }> {
  const server = await startForTest(scenario, options);
  return { server, client: makeClient(server) };
}

/** A server that is closed when the test is over. */
export async function startForTest(
  scenario: Scenario,
  options: Partial<ModelServerOptions> = {},
): Promise<ModelServer> {
  const server = await startModelServer({ scenario, ...options });
  onTestFinished(() => server.close());
  return server;
}

/** It asks once: what a fault does is not hidden by a second try. */
export function makeClient({ url }: ModelServer): OpenAI {
  return new OpenAI({ apiKey: "sk-right", baseURL: url, maxRetries: 0, logLevel: "off" });
}

/** A scenario of one coder, who says this. */
export const speak = (...turns: Turn[]): Scenario => ({ roles: { coder: { turns } } });

const parameters = { type: "object", properties: { command: { type: "string" } } };
export const chatTools = [{ type: "function" as const, function: { name: "bash", parameters } }];
export const responseTools = [
  { type: "function" as const, name: "bash", parameters, strict: false },
];
export const user = (content: string) => ({ role: "user" as const, content });
