import { expect, test } from "vitest";
import { formatDuration as duration } from "../../src/cli/render/text.ts";
import { formatCount as count, formatUsd as usd } from "../../src/core/budget/budget.ts";
import { formatCount, formatDuration, formatUsd, toSentence } from "../../web/src/parts/words.ts";

test("the page writes figures as the command line does", () => {
  for (const figure of [
    0, 0.4, 9.99, 59.94, 59.95, 60, 999, 1_000, 9_999, 10_000, 3_599.6, 3_600,
  ]) {
    expect(formatCount(figure), `${figure}`).toBe(count(figure));
    expect(formatUsd(figure), `${figure}`).toBe(usd(figure));
    expect(formatDuration(figure * 1_000), `${figure}`).toBe(duration(figure * 1_000));
  }
  for (const figure of [86_400, 999_949, 1_000_000, 12_345_678, 0.000_012, 0.009_9, 0.05, 1.5]) {
    expect(formatCount(figure), `${figure}`).toBe(count(figure));
    expect(formatUsd(figure), `${figure}`).toBe(usd(figure));
    expect(formatDuration(figure * 1_000), `${figure}`).toBe(duration(figure * 1_000));
  }
  expect(formatUsd(null)).toBe("price unknown");
});

test("a clause becomes a sentence, and a name at its beginning stays", () => {
  expect(toSentence("it is put off until then")).toBe("It is put off until then.");
  expect(toSentence("deputy/fix-it is undone on main.")).toBe("deputy/fix-it is undone on main.");
  expect(toSentence('"id" must be a number')).toBe('"id" must be a number.');
  expect(toSentence("nothing: all is done")).toBe("Nothing: all is done.");
});
