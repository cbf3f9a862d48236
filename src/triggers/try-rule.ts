import { DeputyError } from "../core/base/error.ts";
import type { TaskOrigin } from "../core/task/task.ts";
import type { IntakeRequest } from "../orchestrator/intake/intake.ts";
import { parseTaskFile } from "./folder/parse-task-file.ts";
import { fileOrigin } from "./folder/take-file.ts";
import { startHook } from "./hook/hook-source.ts";
import { isDeeperThan, maxDepth, parseObject } from "./json-body.ts";
import type { TriggerRules } from "./rules.ts";
import { nextSlot } from "./schedule/next-slot.ts";
import { startOf } from "./schedule/schedule-source.ts";
import type { WatchView } from "./watch/open-watch.ts";
import { tryWatch } from "./watch/try-watch.ts";

/**
 * For `deputy trigger test --rule NAME`: shows when, or for what text, a rule fires and what it would
 * start, and starts nothing.
 */
export type WhyRefused = (
  request: Pick<IntakeRequest, "input" | "origin" | "recipe">,
) => Promise<string | null>;

export async function tryRule(
  rules: TriggerRules,
  { rule: name, text }: { rule: string; text: string | null },
  whyRefused: WhyRefused,
  showWatch: (name: string) => Promise<WatchView | null>,
) {
  const schedule = rules.schedule.find((rule) => rule.name === name);
  if (schedule) {
    const slots: string[] = [];
    let at: Date | null = new Date();
    while (slots.length < 5 && at !== null) {
      at = nextSlot(schedule, at);
      if (at) slots.push(at.toISOString());
    }
    const { input, origin } = startOf(schedule);
    const refused = await whyRefused({ input, origin, recipe: "change" });
    return { rule: name, fires: true as const, next: slots, refused, task: input };
  }
  const inbox = rules.inbox.find((rule) => rule.name === name);
  if (inbox) {
    if (text === null) throw needsText(name, "a Markdown file as its folder takes them");
    const input = parseTaskFile(text, "the file", inbox.task);
    const refused = await whyRefused({ input, origin: fileOrigin, recipe: "change" });
    return { rule: name, fires: true as const, refused, task: input };
  }
  const hook = rules.hook.find((rule) => rule.name === name);
  if (hook) {
    const body = text === null ? null : parseObject(Buffer.from(text));
    if (body === null || isDeeperThan(body, maxDepth))
      throw needsText(name, "a file with the JSON object that is posted to it");
    const start = startHook(hook, body);
    if ("ignored" in start) return { rule: name, fires: false as const, reason: start.ignored };
    const { input, origin } = start;
    const refused = await whyRefused({ input, origin, recipe: "change" });
    const { outsideText, subject } = origin;
    const what = { refused, subject, task: input, outside_text: outsideText };
    return { rule: name, fires: true as const, ...what };
  }
  const chain = rules.tasks.find((rule) => rule.name === name);
  if (chain) {
    const { after, from, on, task } = chain;
    const refused = await whyRefused({ input: task, origin: chainOrigin, recipe: "change" });
    return { rule: name, fires: true as const, on, after, from, refused, task };
  }
  const watch = rules.watch.find((rule) => rule.name === name);
  if (watch) return tryWatch(watch, await showWatch(name), whyRefused);
  throw new DeputyError("not_found", `No rule of triggers.yaml is called ${name}.`, {
    field: "rule",
  });
}

const chainOrigin: TaskOrigin = { ...fileOrigin, source: "tasks" };

function needsText(rule: string, what: string): DeputyError {
  return new DeputyError("invalid_input", `The rule ${rule} is tried with ${what}: name one.`, {
    field: "text",
  });
}
