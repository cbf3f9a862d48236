import picomatch from "picomatch";
import type { TaskOrigin } from "../../core/task/task.ts";
import { cleanOutsideText } from "../../core/text/outside-text.ts";
import type { LocalSource, LocalStart } from "../process-local.ts";
import type { HookRule } from "./hook-rule.ts";

/**
 * What a hook's body starts. The rule decides all of it; the body is data: fields are compared with
 * the rule's globs, short plain ones name the subject, and the whole reaches an agent in a data block
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
    if (value === null) return { ignored: `${path} is not in the body, or no plain value` };
    const fits = picomatch.isMatch(value, String(wanted), { dot: true, bash: true });
    if (!fits && value !== String(wanted)) return { ignored: `${path} is not ${wanted}` };
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
  };
  return { input: rule.task, origin, reason: `hook ${rule.name}` };
}

/** A text, number or truth value of the body, as text; null: there is none at this place. */
function findScalar(body: unknown, path: string): string | null {
  let value = body;
  for (const part of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return null;
    value = (value as Record<string, unknown>)[part];
  }
  return ["string", "number", "boolean"].includes(typeof value) ? String(value) : null;
}
