import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identifyProcess } from "../../src/sandbox/process/process-identity.ts";
import { withDeputy } from "../support/fixtures.ts";
import { type Phone, startPhone } from "../support/phone.ts";
import { waitFor } from "../support/scratch.ts";
import { canMount, mountSmallVolume, type SmallVolume } from "../support/small-volume.ts";
import { until } from "../support/until.ts";

/**
 * Real volumes that are really full: what cannot go on waits with a hold that says which volume, nothing
 * of it is counted, and all of it is delivered once there is space. Needs root, to mount them.
 */
describe.skipIf(!canMount)("a volume is full", () => {
  let phone: Phone;
  let home: SmallVolume;
  const volumesToUnmount: SmallVolume[] = [];

  beforeAll(async () => {
    phone = await startPhone();
  });
  afterAll(() => phone?.close());
  const made = withDeputy({
    files: { "README.md": "# Something\n" },
    env: () => phone.env,
    start: false,
  });
  const { deputy, repository, scratch } = made;
  beforeAll(async () => {
    home = mountSmallVolume(deputy.home, "size=16m");
    await deputy.start();
  });
  afterAll(async () => {
    await deputy.stop();
    for (const volume of volumesToUnmount) volume.unmount();
    home?.unmount();
  });

  const submit = (goal: string, agent: string, path = repository.path) =>
    made.submit({ goal, repository: path, agent });
  /** Until `why` says of the task or of its subtask that it waits for space. */
  const untilItWaits = (id: string, path: string) =>
    until(async () => {
      const why = (await deputy.cli(["why", id])).stdout;
      // Before it waits, the last event names the volume in a few words.
      return why.includes(`The volume at ${path}`) && /is full|is read-only/.test(why) && why;
    }, `${id} waits for space at ${path}`);
  const assertDelivered = async (id: string, path = repository.path) => {
    const task = await deputy.untilOver(id);
    expect(task.state, task.end_detail).toBe("completed");
    expect(repository.git("-C", path, "show", `${task.branch}:done.txt`)).toBe("ok");
    // Nothing was counted: no failure of a stage, and no attempt but for want of space.
    const [counted] =
      (await deputy.database?.query(
        `select sum(stage_failures + postponed)::int as stages, (select count(*)::int from attempts
          where subtasks.task_id = attempts.task_id and coalesce(failure, 'no_space') <> 'no_space') as attempts
          from subtasks where task_id = $1 group by task_id`,
        [id],
      )) ?? [];
    expect(counted).toEqual({ stages: 0, attempts: 0 });
  };

  test("the home: said everywhere, refused where it would be lost, gone on with by itself", async () => {
    const agent = `${waitFor(scratch.at("go"))}; echo ok > done.txt`;
    const running = await submit("Write it", `command:touch ${scratch.at("runs")}; ${agent}`);
    await scratch.until("runs");
    home.fill();
    await scratch.write("go");
    const why = await untilItWaits(running, deputy.home);
    expect(why).toMatch(/is full; free space there, and the work continues by itself/);

    const ready = await fetch(`${deputy.url()}/readyz`);
    expect(ready.status).toBe(503);
    expect(JSON.stringify(await ready.json())).toContain(`The volume at ${deputy.home}`);
    const before = await deputy.database?.query("select count(*) from tasks");
    const input = { goal: "More", repository: repository.path, agent: "command:true" };
    const refused = await deputy.api("POST", "/v1/tasks", input);
    expect(refused.status).toBe(507);
    expect(refused.body.detail).toMatch(/is full.*No task was created/);
    expect(await deputy.database?.query("select count(*) from tasks")).toEqual(before);
    const said = await deputy.cli([
      "run",
      "--repo",
      repository.path,
      "--agent",
      "command:true",
      "x",
    ]);
    expect(said.stderr).toContain(`The volume at ${deputy.home}`);
    expect((await deputy.cli(["doctor"])).stdout).toContain(`The volume at ${deputy.home}`);
    await until(() => phone.titles().length > 0, "somebody is told");
    expect(phone.titles()).toEqual(["Deputy waits for space"]);

    home.restore();
    await assertDelivered(running);
    expect((await fetch(`${deputy.url()}/readyz`)).status).toBe(200);
  });

  /** Where the volume is mounted, and what is done to it while the agent runs. */
  const volumes: [string, () => string, string, "fill" | "makeReadOnly"][] = [
    ["worktrees without inodes", () => join(deputy.home, "worktrees"), "nr_inodes=400", "fill"],
    ["mirrors", () => join(deputy.home, "repos"), "size=4m", "fill"],
    ["artifacts, read-only", () => join(deputy.home, "artifacts"), "size=4m", "makeReadOnly"],
    ["the repository itself", () => scratch.at("repository"), "size=4m", "fill"],
  ];
  test.each(volumes)("%s: it waits, and is delivered", async (name, folder, options, spoil) => {
    const path = folder();
    const volume = mountSmallVolume(path, options);
    volumesToUnmount.push(volume);
    const isRepository = path === scratch.at("repository");
    if (isRepository) repository.git("clone", "--quiet", repository.path, path);
    const [runs, go] = [`${spoil}-${options}-runs`, `${spoil}-${options}-go`];
    const id = await submit(
      name,
      `command:touch ${scratch.at(runs)}; ${waitFor(scratch.at(go))}; echo ok > done.txt`,
      isRepository ? path : repository.path,
    );
    await scratch.until(runs);
    volume[spoil]();
    await scratch.write(go);
    expect(await untilItWaits(id, path)).toMatch(/is full|is read-only/);
    volume.restore();
    await assertDelivered(id, isRepository ? path : repository.path);
    for (const file of [runs, go]) await scratch.forget(file);
  });

  test("an agent that fills the volume: told to it, its files removed, the others delivered", async () => {
    const path = join(deputy.home, "worktrees");
    volumesToUnmount.push(mountSmallVolume(path, "size=8m"));
    const brief = scratch.at("filler-brief");
    const greedy = await submit(
      "Write a lot",
      `command:if [ $DEPUTY_ATTEMPT = 1 ]; then mkdir data; dd if=/dev/urandom of=data/big.bin bs=1M; exit 1; fi; cat > ${brief}; echo ok > done.txt`,
    );
    await deputy.untilEvent(greedy, ({ type }) => type === "attempt.ended");
    const other = await submit("Write a little", "command:echo ok > done.txt");
    await assertDelivered(other);
    expect((await deputy.untilOver(greedy)).state).toBe("completed");
    const words = /the attempt filled the volume.*"data\/big\.bin"/;
    expect(await scratch.read("filler-brief")).toMatch(words);
    const { body } = await deputy.api("GET", `/v1/tasks/${greedy}`);
    expect(body.attempts[0]).toMatchObject({ detail: expect.stringMatching(words) });
    expect(body.attempts[0].decision.kind).toBe("content_rejected");
  });

  test("a daemon that starts on a full home comes up, says so, logs nothing without end, and goes down", async () => {
    await deputy.kill();
    home.fill();
    const up = await deputy.cli(["up", "--detach", "--json"]);
    expect(up.code, up.stderr).toBe(0);
    const { url, pid } = JSON.parse(up.stdout);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    home.restore();
    await until(async () => (await fetch(`${url}/readyz`)).ok, "it is ready");
    // What could not be written meanwhile is written now, each line once.
    const log = await until(async () => {
      const text = await readFile(join(deputy.home, "daemon.log"), "utf8");
      return text.includes("there is space again") && text;
    }, "it logs again");
    const lines = log
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).msg);
    expect(new Set(lines).size).toBe(lines.length);
    home.fill();
    expect((await deputy.cli(["down"])).code).toBe(0);
    expect(identifyProcess(pid)).toBe(null);
    home.restore();
  });
});
