import type { TaskOrigin } from "../../core/task/task.ts";
import { cleanOutsideText } from "../../core/text/outside-text.ts";
import type { LocalSource, LocalStart } from "../process-local.ts";
import { fitsPattern } from "./fits-pattern.ts";
import type { HookRule } from "./hook-rule.ts";

/**
 * What a hook's body starts. The rule decides all of it; the body is data: fields are compared with
 * the rule's patterns, short plain ones name the subject, and the whole reaches an agent in a data block
 * and never in the goal's own words.
 */
export const hookSource: LocalSource = {
  name: "hook",
  read({ event, payload }, rules) {
    const rule = rules.hook.find(({ name }) => name === event);
    return rule ? startHook(rule, payload) : { ignored: `there is no hook ${event} any more` };
  },
};

export function startHook(rule: HookRule, body: unknown): LocalStart | { ignored: string } {
  for (const [path, wanted] of Object.entries(rule.match)) {
    const value = findScalar(body, path);
    if (value === null) return { ignored: `${path} is not in the body, or no short plain value` };
    const pattern = String(wanted);
    if (!fitsPattern(value, pattern)) return { ignored: `${path} is not ${pattern}` };
  }
  const missing: string[] = [];
  const words = rule.subject?.replace(/\{([^}]*)\}/g, (_, path: string) => {
    const value = findScalar(body, path);
    if (value === null || !/^[\w.:/#@+-]{1,100}$/.test(value)) missing.push(path);
    return value ?? "";
  });
  if (missing.length > 0)
    return { ignored: `the subject needs ${missing[0]}, which is not a short plain value` };
  const origin: TaskOrigin = {
    source: "hook",
    subject: words === undefined ? null : `hook:${rule.name}:${words}`,
    outsideText: cleanOutsideText(JSON.stringify(body, null, 2)),
    replyTo: null,
    reviewedAgainst: null,
    depth: findDepth(body),
  };
  const { guards, name, task } = rule;
  return { rule: name, guards, input: task, origin, reason: `hook ${name}` };
}

const maxLength = 1000;

/** A text, number or truth value of the body, as text; null: there is none at this place, or a long one. */
function findScalar(body: unknown, path: string): string | null {
  let value = body;
  for (const part of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return null;
    value = (value as Record<string, unknown>)[part];
  }
  if (!["string", "number", "boolean"].includes(typeof value)) return null;
  const text = String(value);
  return text.length > maxLength ? null : text;
}

/**
 * How many tasks of a Deputy led to this event: one more than a push of Deputy's own says in
 * `deputy_depth`, wherever a program in between has put it. Nobody gains by a wrong one: a high one is
 * refused, and what a low one hides the breaker stops.
 */
function findDepth(body: unknown): number {
  let found = -1;
  let layer: unknown[] = [body];
  while (layer.length > 0) {
    layer = layer.flatMap((one) => {
      if (typeof one !== "object" || one === null) return [];
      const depth = "deputy_depth" in one ? one.deputy_depth : null;
      if (typeof depth === "number" && depth > found) found = Math.min(Math.floor(depth), 1000);
      return Object.values(one);
    });
  }
  return found + 1;
}
