import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { type ModelServer, startModelServer } from "../support/model-server/start.ts";
import { greetingProject, repairGreeting } from "../support/repository.ts";
import { finding, found } from "../support/reviewing.ts";
import { until } from "../support/until.ts";

/** Ordinary work, confined: it ends as it would without a sandbox, and the receipt says where it ran. */
let model: ModelServer;
let registry: Server;
const mark = `sleeper-${process.pid}`;

beforeAll(async () => {
  registry = createServer((_, response) => response.end("a package\n"));
  await new Promise<void>((resolve) => registry.listen(0, "localhost", resolve));
  model = await startModelServer({
    apiKey: "sk-confined",
    scenario: {
      models: ["scripted"],
      roles: {
        work: {
          match: /Work as a model/,
          turns: [
            { calls: [{ tool: "write", args: { path: "one.txt", content: "one\n" } }] },
            {
              calls: [
                {
                  tool: "bash",
                  args: {
                    command:
                      "cat one.txt > two.txt; echo kept > ~/kept; env | grep -c sk-confined; touch /usr/evil; git log --format=%s",
                  },
                },
              ],
            },
            { calls: [{ tool: "bash", args: { command: "cat ~/kept; seq 1 9999" } }] },
            { calls: [{ tool: "search", args: { pattern: "^one$" } }] },
            { calls: [{ tool: "finish", args: { summary: "Did it." } }] },
          ],
        },
        killed: {
          match: /Be killed/,
          turns: [
            {
              calls: [
                {
                  tool: "bash",
                  args: {
                    command: `touch started; setsid -f bash -c 'exec -a ${mark} sleep 600'; exec -a ${mark} sleep 600`,
                  },
                },
              ],
            },
            { calls: [{ tool: "write", args: { path: "after.txt", content: "after\n" } }] },
            { calls: [{ tool: "finish", args: { summary: "Went on." } }] },
          ],
        },
      },
    },
  });
});
afterAll(async () => {
  await model?.close();
  registry?.close();
});
const { deputy, repositoryWith, ...made } = withDeputy({
  keepLog: true,
  env: ({ scratch }) => ({
    NVM_DIR: scratch.at("nvm"),
    DEPUTY_SANDBOX: "bubblewrap",
    DEPUTY_LOG_LEVEL: "info",
    OPENAI_API_KEY: "sk-confined",
    OPENAI_BASE_URL: model.url,
    DEPUTY_MODEL: "scripted",
    PIP_INDEX_URL: "https://10.0.0.7/simple",
  }),
  start: false,
});

async function configure(config: Json): Promise<void> {
  if (deputy.url()) await deputy.stop();
  await writeFile(join(deputy.home, "config.yaml"), JSON.stringify(config));
  await deputy.start();
}

const receiptOf = ({ id }: Json) => made.receiptOf(id);

test("each repository has its networks: setup reaches its registry, checks and an agent without one do not", async () => {
  const at = `localhost:${(registry.address() as AddressInfo).port}`;
  // By the proxy alone: what is on loopback is not asked for there otherwise.
  const fetching = `curl -sSf --max-time 10 --noproxy '' --proxytunnel --proxy "$HTTPS_PROXY" http://${at}/`;
  const refused = 'touch "/usr/$(basename "$PWD")"; curl -sS --max-time 5 https://setup.example/';
  const config = `setup: ${refused}; mkdir -p node_modules && ${fetching} > node_modules/package\nchecks: ["touch /usr/checked; grep -q 'a package' node_modules/package && test -z \\"$HTTPS_PROXY\\" && npm test"]\n`;
  const files = { ...greetingProject, ".gitignore": "node_modules\n" };
  const repository = await repositoryWith({
    ...files,
    ".deputy/config.yaml": config,
    "agent.sh": `cat node_modules/package; ${fetching} && touch reached.txt; ${repairGreeting.slice(8)}\n`,
  });
  const other = await repositoryWith({
    ...files,
    ".npmrc": "@acme:registry=https://named.invalid/\n",
    ".deputy/config.yaml":
      "setup: curl --max-time 5 https://named.invalid https://not.invalid; true\n",
    "agent.sh": `${fetching} && touch reached.txt\necho\n`,
  });
  await configure({
    sandbox: {
      private_addresses: true,
      network: { command: ["one.example", "*.two.example:8443"] },
    },
    repositories: { [repository.path]: { network: { setup: [at], command: "none" } } },
  });
  const task = await deputy.run({
    ...{ goal: "Greet", repository: repository.path, agent: "command:sh agent.sh" },
  });
  expect(task.state, task.end_detail).toBe("completed");
  const receipt = await receiptOf(task);
  expect(receipt.verified).toBe(true);
  expect(receipt.attempts[0].sandbox).toMatchObject({ provider: "bubblewrap", problem: null });
  expect(repository.git("ls-tree", "--name-only", task.branch)).not.toContain("reached.txt");
  // What setup was refused, for the agent and before the checks, and what a check was.
  const told = receipt.attempts[0].sandbox.refused;
  expect(told).toContainEqual({
    ...{ by: "setup", what: "network", known: "enforced" },
    detail: "setup.example:443: not on the list",
  });
  for (const [by, path] of [
    ["setup", "/usr/worktree"],
    ["check", "/usr/checked"],
  ])
    expect(told).toContainEqual({
      ...{ by, what: "write", known: "reported", detail: expect.stringContaining(path ?? "") },
    });
  const page = (await deputy.cli(["receipt", task.id])).stdout;
  expect(page).toMatch(
    /- Setup of \S+, attempt 1, was refused \(network, certain\): setup\.example:443/,
  );
  expect(page).toMatch(/- A check of \S+, attempt 1, was refused \(write, by its own words\)/);

  const fetched = await deputy.run({
    ...{ goal: "Fetch", repository: other.path, agent: "command:sh agent.sh", mode: "direct" },
  });
  const { refused: hosts } = (await receiptOf(fetched)).attempts[0].sandbox;
  const unlisted = { what: "network", known: "enforced" };
  expect(hosts).toContainEqual({ ...unlisted, by: "agent", detail: `${at}: not on the list` });
  // The registry that the repository's own files name is on setup's list.
  expect(hosts).toContainEqual({
    ...{ ...unlisted, by: "setup", detail: "not.invalid:443: not on the list" },
  });
  expect(JSON.stringify(hosts)).not.toContain("named.invalid:443: not on the list");
});

test("what setup puts below HOME is there for the agent; checks have their own, and it goes with the worktree", async () => {
  const repository = await repositoryWith({
    "a.txt": "a\n",
    ".deputy/config.yaml": `setup: test -z "$(ls -A ~)" && mkdir -p ~/.cache/tool && echo set-up > ~/.cache/tool/version
checks: ["grep -qx set-up ~/.cache/tool/version && test ! -e ~/left && grep -qx set-up seen.txt"]
`,
  });
  await configure({});
  const task = await deputy.run({
    ...{ goal: "Look at home", repository: repository.path },
    agent:
      "command:cp ~/.cache/tool/version seen.txt; echo mine | tee ~/left > ~/.cache/tool/version",
  });
  expect(task.state, task.end_detail).toBe("completed");
  expect((await receiptOf(task)).verified).toBe(true);
  const [{ path }] = (await made.show(task.id)).worktrees;
  const home = join(path, "../homes", basename(path));
  expect(readFileSync(join(home, "left"), "utf8")).toBe("mine\n");
  const discarded = await deputy.cli(["discard", task.id]);
  expect(discarded.code, discarded.stderr).toBe(0);
  expect(existsSync(home)).toBe(false);
});

test("agents and checks run with the tool version of the base commit; one that is not there is said", async () => {
  const bin = made.scratch.at("nvm/versions/node/v22.3.0/bin");
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, "node"), "#!/bin/sh\necho v22.3.0\n", { mode: 0o755 });
  const repository = await repositoryWith({
    ".nvmrc": "22\n",
    ".tool-versions": "no-such-tool 1.2\n",
    ".envrc": "touch loaded\n",
    ".deputy/config.yaml":
      'checks: ["test $(node --version) = v22.3.0 && grep -qx v22.3.0 seen.txt && test ! -e loaded"]\n',
  });
  const task = await deputy.run({
    ...{ goal: "Take another version", repository: repository.path },
    agent: "command:node --version > seen.txt; echo 20 > .nvmrc",
    // It decides what later tasks run with, so a person would be asked.
    allow: [".nvmrc"],
  });
  expect(task.state, task.end_detail).toBe("completed");
  expect((await receiptOf(task)).verified).toBe(true);
  const { stdout } = await deputy.cli(["show", task.id]);
  expect(stdout).toContain("The repository wants no-such-tool 1.2 (.tool-versions), which");
  expect(stdout).toContain(".envrc is not loaded");
  expect(stdout).not.toContain("wants node");
});

test("the start of the daemon's log and doctor name the sandbox, and what of its settings cannot be", async () => {
  const log = readFileSync(join(deputy.home, "daemon.log"), "utf8");
  expect(log).toContain("sandbox: bubblewrap");
  const { stdout } = await deputy.cli(["doctor"]);
  expect(stdout).toMatch(/sandbox\s+bubblewrap$/m);
  for (const said of [log, stdout]) {
    expect(said).toContain("Nothing is installed from https://10.0.0.7 (PIP_INDEX_URL) inside");
  }
});

test("the builtin agent's commands are confined: a home that lasts, no key, what they tried in the receipt", async () => {
  const repository = await repositoryWith({ "README.md": "# Here\n" });
  const task = await deputy.run({
    ...{ goal: "Work as a model", repository: repository.path, agent: "builtin" },
    checks: ["test -e two.txt"],
  });
  expect(task.state, task.end_detail).toBe("completed");
  expect(repository.git("show", `${task.branch}:two.txt`)).toBe("one");
  const told = JSON.stringify(model.requests.at(-1)?.body);
  for (const part of [
    /exit 0\\+n0\\+n/, // no variable with the key
    /touch: cannot touch .{0,20}\/usr\/evil.{0,20}: Read-only file system/,
    /\\+nstart/, // git log
    /kept\\+n1\\+n2\\+n/,
    /the whole output: read /,
    /one\.txt:1:one/,
  ])
    expect(told).toMatch(part);
  expect((await receiptOf(task)).attempts[0].sandbox.refused).toEqual([
    { by: "agent", what: "write", detail: expect.stringContaining("/usr/evil"), known: "reported" },
  ]);
});

test("kill -9 of the daemon leaves nothing of a confined command behind; the attempt goes on", async () => {
  const repository = await repositoryWith({ "README.md": "# Here\n" });
  const { body } = await deputy.api("POST", "/v1/tasks", {
    ...{ goal: "Be killed", repository: repository.path, agent: "builtin", checks: ["true"] },
  });
  const running = () =>
    readdirSync("/proc").filter((name) => {
      try {
        return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`).includes(`${mark}\0`);
      } catch {
        return false; // gone meanwhile
      }
    }).length;
  await until(() => running() === 2, "its command runs, and what that put into the background");
  await deputy.kill();
  await until(() => running() === 0, "they died with the daemon");
  await deputy.start();
  const task = await deputy.untilOver(body.id);
  expect(task.state, task.end_detail).toBe("completed");
  expect(repository.git("show", `${task.branch}:after.txt`)).toBe("after");
  const { attempts } = await receiptOf(task);
  expect(attempts.map(({ end_reason }: Json) => end_reason)).toEqual(["lost", "done"]);
  expect(attempts[1].sandbox).toMatchObject({ provider: "bubblewrap" });
});

test("who reviews may write nowhere: not in the worktree, not in the repository", async () => {
  const repository = await repositoryWith({
    "work.txt": "start\n",
    "review.sh": `(echo x > planted.txt; echo x >> work.txt; git update-ref refs/heads/x HEAD; echo x > "$(dirname "$DEPUTY_BRIEF_FILE")/x") 2>&1
if [ -e planted.txt ] || grep -q x work.txt; then
${found(finding({ evidence: { kind: "command", command: "false" } }))}
else
${found()}
fi
`,
  });
  await configure({ roles: { reviewer: { agent: "command:sh review.sh" } } });
  const task = await deputy.run({
    ...{ goal: "Be reviewed", repository: repository.path, assurance: "standard" },
    ...{ agent: "command:echo done >> work.txt", checks: ["grep -q done work.txt"] },
  });
  expect(task.state, task.end_detail).toBe("completed");
  const receipt = await receiptOf(task);
  expect(receipt.attempts).toHaveLength(1);
  expect(receipt.reviews[0]).toMatchObject({ rounds: 1 });
  expect(receipt.reviews[0].findings).toEqual([]);
  expect(repository.git("show", `${task.branch}:work.txt`)).toBe("start\ndone");
});
