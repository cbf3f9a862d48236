import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { findProgram } from "../../src/sandbox/process/find-program.ts";
import { isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import { mainPath } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { until } from "../support/until.ts";

/** A terminal that is closed: whoever was started apart from it goes on, whoever it shows ends in order. */

const { deputy, repository, scratch } = withDeputy({
  files: { "a.txt": "a\n" },
  env: { DEPUTY_CONCURRENCY: "0" },
  start: false,
});

test("a daemon, a worker and what they run outlive a hangup, as nohup wants it", async () => {
  await deputy.start();
  const worker = deputy.spawn(["worker", "--json"], { DEPUTY_CONCURRENCY: "1" });
  if (!worker.stdout) throw new Error("no stdout");
  await once(createInterface(worker.stdout), "line");
  const agent = await scratch.agent(
    "wait.sh",
    `echo b > b.txt; touch ${scratch.at("begun")}; while [ ! -e ${scratch.at("go")} ]; do sleep 0.05; done`,
  );
  const { body } = await deputy.api("POST", "/v1/tasks", {
    ...{ goal: "Add b.txt", repository: repository.path, agent, checks: ["test -e b.txt"] },
  });
  await scratch.until("begun");
  for (const pid of [deputy.pid(), worker.pid ?? 0]) process.kill(pid, "SIGHUP");
  await scratch.write("go");
  const ended = Promise.race([deputy.ended(), once(worker, "exit")]).then(() => "ended");
  const over = deputy.untilOver(body.id).then(({ state }) => state);
  expect(await Promise.race([over, ended])).toBe("completed");
  const { attempts } = (await deputy.api("GET", `/v1/tasks/${body.id}`)).body;
  expect(attempts).toHaveLength(1);
  await deputy.stop();
});

const script = findProgram("script");
if (!script) console.warn("skipped: without `script` there is no terminal to close");
test.skipIf(!script)(
  "a daemon that a terminal shows stops in order when that is closed",
  async () => {
    const terminal = spawn(
      script ?? "",
      ["-qefc", `exec ${process.execPath} ${mainPath} up`, "/dev/null"],
      { env: deputy.env, stdio: ["ignore", "pipe", "inherit"], detached: true },
    );
    for await (const line of createInterface(terminal.stdout)) if (/Deputy is up/.test(line)) break;
    const file = join(deputy.home, "daemon.json");
    const { pid } = JSON.parse(await readFile(file, "utf8"));
    terminal.kill("SIGKILL");
    await until(() => !isProcessAlive({ pid, startTicks: null }), "it has ended");
    expect(existsSync(file)).toBe(false); // which is removed last, in order
  },
);
