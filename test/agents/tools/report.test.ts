import { expect, test } from "vitest";
import { makeReportTool, type Reports } from "../../../src/agents/builtin/tools/report.ts";
import { call } from "./call.ts";

test("collects, up to a limit that it says", async () => {
  const reports: Reports = { discoveries: [], followUps: [] };
  const tool = makeReportTool(reports);
  expect(await call(tool, { discoveries: ["The cache is never emptied."] })).toBe("Noted.");
  expect(await call(tool, { follow_ups: [{ title: "Empty it", brief: "…" }] })).toBe("Noted.");
  expect(await call(tool, { follow_ups: [{ title: "No brief" }] })).toMatch(/^Error: .*brief/);
  const flood = Array.from({ length: 50 }, (_, i) => `${i} ${"x".repeat(5_000)}`);
  expect(await call(tool, { discoveries: flood })).toBe("Error: only 20 of each are taken");
  expect(reports.discoveries).toHaveLength(20);
  expect(reports.discoveries.every((text) => text.length <= 1_000)).toBe(true);
  expect(reports.followUps).toEqual([{ title: "Empty it", brief: "…", writes: [] }]);
});
