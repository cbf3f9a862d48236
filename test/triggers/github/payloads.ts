import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { matchGithub, type TriggerMatch } from "../../../src/triggers/github/match-github.ts";
import { parseTriggerRules, type TriggerRules } from "../../../src/triggers/rules.ts";

/** Payloads that GitHub really sent, from its own collection, with what a test changes about them. */
type Example = { name: string; examples: Record<string, unknown>[] };
const require = createRequire(import.meta.url);

const packaged = dirname(dirname(require.resolve("@octokit/webhooks-examples")));

export function readExamples(collection = "api.github.com"): Example[] {
  return JSON.parse(readFileSync(join(packaged, collection, "index.json"), "utf8")) as Example[];
}

type Tree = { [key: string]: Tree | unknown };

/** The first example of this event and action, with parts replaced. */
export function examplePayload(event: string, action: string, changes: Tree = {}): Tree {
  const found = readExamples()
    .find(({ name }) => name === event)
    ?.examples.find((example) => example.action === action);
  if (!found) throw new Error(`there is no example of ${event}.${action}`);
  return merge(structuredClone(found), changes);
}

function merge(into: Tree, changes: Tree): Tree {
  for (const [key, value] of Object.entries(changes)) {
    const old = into[key];
    const isTree = (thing: unknown): thing is Tree =>
      typeof thing === "object" && thing !== null && !Array.isArray(thing);
    into[key] = isTree(old) && isTree(value) ? merge(old, value) : value;
  }
  return into;
}

export const everyRule: TriggerRules = parseTriggerRules(
  `
github:
  - { on: [issues.opened], repository: "*/*" }
  - { on: [issues.labeled], repository: "*/*", label: bug, checks: [npm test], agent: builtin }
  - { on: [workflow_run.failed, check_run.failed], repository: "*/*", deliver: branch }
  - { on: [pull_request.opened, pull_request.synchronize, pull_request.ready_for_review], repository: "*/*" }
`,
  "triggers.yaml",
);

export function fired(match: TriggerMatch) {
  if (!match.fires) throw new Error(`it did not fire: ${match.reason}`);
  return match.trigger;
}

export function reasonOf(event: string, payload: unknown, rules = everyRule): string {
  const match = matchGithub(event, payload, rules);
  return match.fires ? `fired: ${match.trigger.reason}` : match.reason;
}
