import { expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";
import { until } from "../support/until.ts";

/** What each repository takes of the disk, where a person and where a monitor look. */
const { deputy, run } = withDeputy({ files: { ".gitignore": "node_modules/\n" } });

const megabyte = 1024 * 1024;

test("doctor and metrics tell what mirror and worktrees take, and what is free where", async () => {
  const write = "dd if=/dev/zero of=node_modules/big bs=1M count=3";
  const agent = `command:mkdir node_modules; ${write}; echo ok > done.txt`;
  const task = await run({ goal: "Take space", agent });
  expect(task.state, task.end_detail).toBe("completed");

  const numberIn = (text: string, pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  // It is measured in the background: the first scrape asks for it.
  const metrics = await until(async () => {
    const text = (await deputy.api("GET", "/metrics")).body as string;
    return text.includes('kind="worktrees"') && text;
  }, "it is measured");
  const worktrees = /^deputy_repository_bytes\{repository="[^"]+",kind="worktrees"\} (\S+)$/m;
  const mirror = /^deputy_repository_bytes\{repository="[^"]+",kind="mirror"\} (\S+)$/m;
  expect(numberIn(metrics, worktrees)).toBeGreaterThanOrEqual(3 * megabyte);
  expect(numberIn(metrics, mirror)).toBeGreaterThan(0);
  expect(
    numberIn(metrics, /^deputy_volume_free_bytes\{volume="\/[^"]*"\} (\S+)$/m),
  ).toBeGreaterThan(0);
  expect(metrics).toMatch(/^deputy_volume_floor_bytes\{volume="\/[^"]*"\} \d+$/m);

  const { stdout } = await deputy.cli(["doctor"]);
  expect(stdout).toMatch(/✓ disk use +\S+: mirror \d+\.\d MB, 1 worktree [3-9]\.\d MB/);
  expect(stdout).toMatch(/✓ space +\/\S*: \d+(\.\d)? of \d+ MB free, floor \d+ MB/);
});
