import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { waitFor } from "../support/scratch.ts";
import { withSmallHome } from "../support/small-home.ts";
import { canMount } from "../support/small-volume.ts";
import { until } from "../support/until.ts";

/**
 * What the daemon removes before it lets work wait on a volume with little free, in which order, and what
 * it never touches. The floor of 64 MB is 6.4 MB. Needs root, to mount the volume.
 */
const megabyte = 1024 * 1024;

describe.skipIf(!canMount)("room is made of finished worktrees", () => {
  const made = withSmallHome({
    ".gitignore": "node_modules/\n*.dump\n",
    ".deputy/config.yaml": 'setup: ["true"]\n',
  });
  const { deputy, scratch, submit } = made;
  const low = async () => (await deputy.api("GET", "/readyz")).body.low_space.length;
  const untilRoom = () => until(async () => (await low()) === 0, "there is room again");
  const freedOf = async (id: string) =>
    (await deputy.events(id)).filter(({ type }) => type === "worktree.freed");
  const untilFreed = (id: string) =>
    until(async () => (await freedOf(id)).length > 0, `something of ${id} is freed`);
  const worktreeOf = async (id: string) => (await made.show(id)).worktrees[0].path;
  /** For which commit setup counts as run. */
  const preparedFor = async (id: string) => {
    const query = "select prepared_for from worktrees where task_id = $1";
    return (await deputy.database?.query<{ prepared_for: string | null }>(query, [id]))?.[0]
      ?.prepared_for;
  };
  const write = (path: string, mb: number) =>
    `mkdir -p $(dirname ${path}); dd if=/dev/zero of=${path} bs=1M count=${mb} 2> /dev/null`;
  const finish = async (path: string) => {
    const agent = `command:${write(path, 10)}; echo ok > done.txt`;
    const { id, state } = await made.run({ goal: `Leave ${path}`, agent });
    expect(state).toBe("completed");
    return { id, path: await worktreeOf(id) };
  };

  test("caches first, then worktrees, what may be an only copy last; nothing unfinished, nothing restored", async () => {
    const older = await finish("node_modules/pkg/big");
    const dumped = await finish("only.dump");
    const runs = `${write("node_modules/big", 3)}; touch ${scratch.at("runs")}; ${waitFor(scratch.at("go"))}`;
    const open = await submit({ goal: "Go on", agent: `command:${runs}; echo ok > done.txt` });
    await scratch.until("runs");
    const openPath = await worktreeOf(open);
    expect(await preparedFor(older.id)).toMatch(/^[0-9a-f]{40}$/);

    // Ignored files of the older one are enough: nobody is told, and no more is removed.
    made.home().leave(3 * megabyte);
    await low();
    await untilFreed(older.id);
    await untilRoom();
    expect((await freedOf(older.id))[0]?.data).toMatchObject({
      what: "ignored files",
      files: 1,
      bytes: 10 * megabyte,
      kept_for: null,
    });
    expect(existsSync(join(older.path, "node_modules"))).toBe(false);
    expect(await preparedFor(older.id)).toBe(null); // a retry runs setup again
    expect(await preparedFor(dumped.id)).not.toBe(null);
    expect(readFileSync(join(older.path, "done.txt"), "utf8")).toBe("ok\n");
    expect(existsSync(join(dumped.path, "only.dump"))).toBe(true);
    expect(made.titles().filter((title) => title.includes("little space"))).toEqual([]);

    // Then the older worktree, and only then the ignored file that is no cache.
    made.home().leave(2 * megabyte);
    await low();
    await untilFreed(dumped.id);
    await untilRoom();
    expect(existsSync(older.path)).toBe(false);
    expect((await freedOf(older.id)).map(({ data }) => data.what)).toEqual([
      "ignored files",
      "worktree",
    ]);
    const [last] = await freedOf(dumped.id);
    expect(last?.data).toMatchObject({ what: "ignored files", kept_for: "only.dump" });
    expect(last?.message).toMatch(/left until last for "only\.dump", which was younger than a day/);
    expect(readFileSync(join(dumped.path, "done.txt"), "utf8")).toBe("ok\n");

    // One that a person restored stays, whatever is needed; then people are told.
    const restored = await deputy.cli(["restore", older.id]);
    expect(restored.code, restored.stderr).toBe(0);
    made.home().leave(2 * megabyte);
    await low();
    await until(() => made.titles().some((title) => title.includes("little space")), "a push");
    expect(existsSync(dumped.path)).toBe(false);
    expect(readFileSync(join(older.path, "done.txt"), "utf8")).toBe("ok\n");
    expect(existsSync(join(openPath, "node_modules/big"))).toBe(true);
    expect(await freedOf(open)).toEqual([]);

    made.home().restore();
    await scratch.write("go");
    expect((await deputy.untilOver(open)).state).toBe("completed");
    const back = await deputy.cli(["restore", dumped.id]);
    expect(back.code, back.stderr).toBe(0);
    expect(readFileSync(join(dumped.path, "done.txt"), "utf8")).toBe("ok\n");
  });
});
