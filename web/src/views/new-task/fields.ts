import type { z } from "zod";
import type { newTaskWire, TaskView } from "../../../../src/api/task/task.ts";

/** The form of a new task, as text and ticks, and the request that it makes. Pure. */
export type Fields = {
  goal: string;
  repository: string;
  base: string;
  agent: string;
  /** One a line; empty: those of the repository. */
  checks: string;
  mode: string;
  approval: boolean;
  assurance: string;
  proof: string;
  deliver: string;
  usd: string;
  tokens: string;
  minutes: string;
  timeout: string;
  whenStuck: string;
  allowTestChanges: boolean;
  includeUncommitted: boolean;
  fresh: boolean;
};

export const noFields: Fields = {
  ...{ goal: "", repository: "", base: "", agent: "", checks: "", mode: "", approval: false },
  ...{ assurance: "", proof: "", deliver: "", usd: "", tokens: "", minutes: "", timeout: "" },
  ...{ whenStuck: "", allowTestChanges: false, includeUncommitted: false, fresh: false },
};

export type NewTask = z.infer<typeof newTaskWire>;

/** What was left as it is stays out, so that the daemon's and the repository's settings hold. */
export function toRequest(fields: Fields): NewTask {
  const request: Record<string, unknown> = { goal: fields.goal, repository: fields.repository };
  const put = (name: string, value: unknown) => {
    if (value !== "" && value !== false && value !== null) request[name] = value;
  };
  put("base", fields.base.trim());
  put("agent", fields.agent.trim());
  const checks = toLines(fields.checks);
  put("checks", checks.length === 0 ? null : checks);
  put("mode", fields.mode);
  put("approval", fields.approval ? "plan" : "");
  put("assurance", fields.assurance);
  put("proof", fields.proof);
  put("deliver", fields.deliver);
  put("timeout_minutes", toNumber(fields.timeout));
  put("when_stuck", fields.whenStuck);
  put("allow_test_changes", fields.allowTestChanges);
  put("include_uncommitted", fields.includeUncommitted);
  put("fresh", fields.fresh);
  const caps = { usd: fields.usd, tokens: fields.tokens, minutes: fields.minutes };
  const budget = Object.entries(caps).flatMap(([cap, text]) => {
    const value = toNumber(text);
    return value === null ? [] : [[cap, value]];
  });
  put("budget", budget.length === 0 ? null : Object.fromEntries(budget));
  return request as NewTask;
}

/** The form that makes the same task again. */
export function fromTask(task: TaskView): Fields {
  const { agent, approval, base, budget, checks, deliver, goal, mode, repository } = task;
  return {
    ...noFields,
    ...{ goal, repository, agent, base: base ?? "", checks: checks.join("\n") },
    mode: mode === "auto" ? "" : mode,
    approval: approval === "plan",
    assurance: task.assurance ?? "",
    proof: task.proof ?? "",
    deliver: deliver === "branch" || deliver === "pr" ? deliver : "",
    usd: fromNumber(budget?.usd),
    tokens: fromNumber(budget?.tokens),
    minutes: fromNumber(budget?.minutes),
    timeout: fromNumber(task.timeout_minutes),
    whenStuck: task.when_stuck,
    allowTestChanges: task.allow_test_changes,
    includeUncommitted: task.include_uncommitted,
    fresh: task.fresh,
  };
}

/** The field of the form that a field of the request is entered in; null: none. */
export function fieldOf(path: string): keyof Fields | null {
  const [first = "", second = ""] = path.split(/[.[]/);
  if (first === "budget") return second in noFields ? (second as keyof Fields) : "usd";
  const renamed: Record<string, keyof Fields> = {
    timeout_minutes: "timeout",
    when_stuck: "whenStuck",
    allow_test_changes: "allowTestChanges",
    include_uncommitted: "includeUncommitted",
  };
  return renamed[first] ?? (first in noFields ? (first as keyof Fields) : null);
}

export const toLines = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** Null: nothing was entered. What is no number goes as it is, for the daemon to refuse. */
const toNumber = (text: string): number | string | null => {
  const trimmed = text.trim().replace(/^\$/, "");
  if (trimmed === "") return null;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : trimmed;
};

const fromNumber = (value: number | undefined | null): string =>
  value === undefined || value === null ? "" : String(value);
