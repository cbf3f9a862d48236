import type { Scenario, ScriptedTurn } from "./scenario-types.ts";

/**
 * The scripted model's work on the demo task. Its first attempt makes a typical mistake of models:
 * a table of month lengths that forgets leap years, and a claim of success without a test run. Then
 * its session gets the output of the failed check, and it repairs what it wrote.
 */
export const demoScenario: Scenario = {
  model: "scripted-model",
  choose: () => [...firstAttempt, ...repair],
};

const thinkMs = 250;

const oldLines = `  const { year, month, day } = parse(date);
  return format(new Date(Date.UTC(year, month - 1 + months, day)));`;

const wrongLines = `  const { year, month, day } = parse(date);
  const target = month - 1 + months;
  const monthLengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  const lastDay = monthLengths[((target % 12) + 12) % 12];
  return format(new Date(Date.UTC(year, target, Math.min(day, lastDay))));`;

const rightLines = `  const { year, month, day } = parse(date);
  const target = month - 1 + months;
  // Day 0 of the next month is the last day of this one, leap years included.
  const lastDay = new Date(Date.UTC(year, target + 1, 0)).getUTCDate();
  return format(new Date(Date.UTC(year, target, Math.min(day, lastDay))));`;

const firstAttempt: readonly ScriptedTurn[] = [
  {
    thinkMs,
    text: "I start with the code that computes the due dates.",
    calls: [
      { name: "read", arguments: { path: "src/instalments.js" } },
      { name: "read", arguments: { path: "src/dates.js" } },
    ],
    usage: { inputTokens: 1_412, cachedInputTokens: 0, outputTokens: 61 },
  },
  {
    thinkMs,
    text: "addMonths lets the 31st run over into the next month. I limit the day to the length of the month.",
    calls: [
      {
        name: "edit",
        arguments: { path: "src/dates.js", old_text: oldLines, new_text: wrongLines },
      },
    ],
    usage: { inputTokens: 1_987, cachedInputTokens: 1_408, outputTokens: 242 },
  },
  {
    thinkMs,
    calls: [
      {
        name: "finish",
        arguments: {
          summary:
            "addMonths now limits the day to the length of the target month, so instalments no longer run over. All tests pass.",
        },
      },
    ],
    usage: { inputTokens: 2_258, cachedInputTokens: 1_984, outputTokens: 48 },
  },
];

const repair: readonly ScriptedTurn[] = [
  {
    thinkMs,
    text: "I forgot leap years: 2024-02-28 came out where 2024-02-29 is right. I look at the code and its test again.",
    calls: [
      { name: "read", arguments: { path: "src/dates.js" } },
      { name: "search", arguments: { pattern: "31st", path: "test" } },
    ],
    usage: { inputTokens: 3_214, cachedInputTokens: 2_256, outputTokens: 74 },
  },
  {
    thinkMs,
    text: "The calendar itself knows the last day of a month; no table is needed.",
    calls: [
      {
        name: "edit",
        arguments: { path: "src/dates.js", old_text: wrongLines, new_text: rightLines },
      },
    ],
    usage: { inputTokens: 3_651, cachedInputTokens: 3_200, outputTokens: 227 },
  },
  {
    thinkMs,
    text: "Now the tests.",
    calls: [{ name: "bash", arguments: { command: "npm test" } }],
    usage: { inputTokens: 3_909, cachedInputTokens: 3_648, outputTokens: 26 },
  },
  {
    thinkMs,
    calls: [
      {
        name: "finish",
        arguments: {
          summary:
            "addMonths let the day run over into the next month. It now takes the last day of a shorter month, which it asks the calendar for, so that leap years are right too. The whole suite is green.",
        },
      },
    ],
    usage: { inputTokens: 5_052, cachedInputTokens: 3_904, outputTokens: 63 },
  },
];
