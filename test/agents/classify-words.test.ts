import { expect, test } from "vitest";
import { type Cause, classifyWords } from "../../src/agents/words/classify-words.ts";

const now = new Date("2026-11-29T12:00:00Z");

test.each<[string, Cause | null, string, "login" | "credit" | null]>([
  ["You've hit your session limit · resets 3:10am (Asia/Seoul)", null, "rate_limit_window", null],
  ["You've hit your weekly limit · resets Dec 3, 4pm (UTC)", "limit", "rate_limit_window", null],
  ["You've hit your limit · resets 3pm", null, "rate_limit_window", null],
  ["5-hour limit reached ∙ resets 3pm", null, "rate_limit_window", null],
  [
    "You've hit your usage limit. Purchase more credits or try again later.",
    null,
    "rate_limit_window",
    null,
  ],
  ["You're out of extra usage · resets 12am (UTC)", null, "rate_limit_window", null],
  ["You exceeded your current quota. It resets in 3 hours.", null, "rate_limit_window", null],
  ["You've hit your usage   limit.\n Try\tagain  at 5:42   PM .", null, "rate_limit_window", null],
  ["Message cap reached. Next window opens at 6 PM.", null, "rate_limit_window", null],
  ["You're out of messages until tomorrow at 9:00", null, "rate_limit_window", null],
  ["You are over your plan's allowance until Friday", null, "rate_limit_window", null],
  ["Weekly-limit reached", null, "rate_limit_window", null],
  ["Nutzungslimit erreicht. Bitte um 15:10 Uhr erneut versuchen.", null, "rate_limit_window", null],
  ["Das Sitzungslimit wurde überschritten", null, "rate_limit_window", null],
  ["Sie haben Ihr Kontingent ausgeschöpft.", null, "rate_limit_window", null],
  ["Has alcanzado tu límite de uso.", null, "rate_limit_window", null],
  ["429 Too Many Requests (Retry-After: 7200)", null, "rate_limit_window", null],
  ["429 Too Many Requests (Retry-After: 20)", null, "model_unavailable", null],
  ["Rate limit reached for m in TPM. Please try again in 20s.", null, "model_unavailable", null],
  ["API Error: 529 Overloaded", "busy", "model_unavailable", null],
  ["API Error: Request rejected (429)", "limit", "model_unavailable", null],
  ["exceeded retry limit, last status: 429 Too Many Requests", null, "model_unavailable", null],
  ["Credit balance is too low", null, "agent_unavailable", "credit"],
  ["Your workspace is out of credits. Ask its owner.", null, "agent_unavailable", "credit"],
  ["You hit your spend cap.", null, "agent_unavailable", "credit"],
  [
    "You exceeded your current quota, check your plan and billing details.",
    null,
    "agent_unavailable",
    "credit",
  ],
  ["Insufficient balance (status 402)", null, "agent_unavailable", "credit"],
  ["whatever it says", "credit", "agent_unavailable", "credit"],
  ["Not logged in · Please run /login", null, "agent_unavailable", "login"],
  ["whatever it says", "login", "agent_unavailable", "login"],
  ["The model 'm9' does not exist", null, "agent_unavailable", null],
  ["model not found: m9", null, "agent_unavailable", null],
  ["context limit reached", null, "agent_failed", null],
  ["tool call limit reached", null, "agent_failed", null],
  ["max turns limit reached", null, "agent_failed", null],
  ["the patch was too clever", null, "agent_failed", null],
])("%s (%s): %s", (words, because, kind, needs) => {
  expect(classifyWords(words, { now, zone: "UTC", because })).toMatchObject({ kind, needs });
});
