import { execFileSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findProgram } from "../../src/sandbox/process/find-program.ts";
import { withDeputy } from "../support/fixtures.ts";
import { hasGitHttpBackend, serveGit } from "../support/git-http.ts";

/**
 * What programs find in their environment that the daemon starts: a git, an ssh, a credential helper,
 * an agent and a check write theirs down, while the daemon has a secret in every variable of its own
 * and of others.
 */
const secrets = [
  ...["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GITHUB_TOKEN", "GITHUB_WEBHOOK_SECRET"],
  ...["DEPUTY_TOKEN", "DEPUTY_NTFY_TOKEN", "DEPUTY_WEBHOOK_SECRET", "REDIS_PASSWORD", "PGPASSWORD"],
  ...["GH_TOKEN", "GITLAB_TOKEN", "AWS_SECRET_ACCESS_KEY", "NPM_TOKEN", "MY_OWN_SECRET"],
  "ACME_TOKEN",
];
const setup = {
  SSH_AUTH_SOCK: "/agent.sock",
  XDG_CONFIG_HOME: "/nonexistent/xdg",
  KRB5CCNAME: "/kcc",
};

const { deputy, repository, scratch } = withDeputy({
  files: { "a.txt": "a\n" },
  env: ({ scratch }) => ({
    ...Object.fromEntries(secrets.map((name) => [name, `canary-${name}`])),
    ...setup,
    PATH: `${scratch.at("bin")}:${process.env.PATH}`,
    HOME: scratch.at("home"),
    GIT_SSH_COMMAND: scratch.at("ssh"),
    DEPUTY_GIT_VARIABLES: "127.0.0.1=ACME_TOKEN, git.example.org=MY_OWN_SECRET",
  }),
  start: false,
});
let server: Server;
let bare: string;

beforeAll(async () => {
  bare = scratch.at("app.git");
  repository.git("clone", "--quiet", "--bare", repository.path, bare);
  execFileSync("git", ["-C", bare, "config", "http.receivepack", "true"]);
  await Promise.all(["bin", "home", "seen"].map((name) => mkdir(scratch.at(name))));
  const record = (name: string) => `env > $(mktemp ${scratch.at("seen")}/${name}.XXXXXX)`;
  const program = async (path: string, lines: string) => {
    await writeFile(scratch.at(path), `#!/bin/sh\n${lines}\n`);
    await chmod(scratch.at(path), 0o755);
  };
  await program("bin/git", `${record("git")}\nexec ${findProgram("git")} "$@"`);
  // The last argument is what ssh would run there.
  await program("ssh", `${record("ssh")}\nfor last; do :; done\nexec sh -c "$last"`);
  await program(
    "helper",
    `${record("helper")}\n[ "$1" = get ] && printf 'username=una\\npassword=%s\\n' "$ACME_TOKEN"; true`,
  );
  await program("agent", `${record("agent")}\necho b > b.txt`);
  await program("check", record("check"));
  await writeFile(
    scratch.at("home/.gitconfig"),
    `[credential]\n\thelper = ${scratch.at("helper")}\n`,
  );
  server = createServer((request, response) => {
    const basic = Buffer.from("una:canary-ACME_TOKEN").toString("base64");
    if (request.headers.authorization !== `Basic ${basic}`) {
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="git"' }).end();
    } else serveGit(request, response, dirname(bare));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  await writeFile(join(deputy.home, "token"), "canary-DEPUTY_TOKEN"); // as the environment has it
  await deputy.start();
});
afterAll(() => {
  server?.close();
});

/** By program: what of the daemon's secrets was in its environment, in plain or as a header. */
async function secretsSeen(): Promise<Record<string, string[]>> {
  const seen: Record<string, Set<string>> = {};
  for (const file of await readdir(scratch.at("seen"))) {
    const text = await readFile(join(scratch.at("seen"), file), "utf8");
    const program = file.split(".")[0] ?? "";
    const found = seen[program] ?? new Set<string>();
    seen[program] = found;
    for (const name of secrets) {
      const header = Buffer.from(`x-access-token:canary-${name}`).toString("base64");
      if (text.includes(`canary-${name}\n`) || text.includes(header)) found.add(name);
    }
    if (/postgres(?:ql)?:\/\//.test(text)) found.add("DATABASE_URL");
  }
  return Object.fromEntries(Object.entries(seen).map(([name, found]) => [name, [...found]]));
}

const handOff = (url: string) =>
  deputy.run({
    goal: `Add b.txt by ${url.slice(0, 4)}`,
    repository: url,
    agent: `command:${scratch.at("agent")}`,
    checks: [scratch.at("check")],
  });

test("git, ssh, agents and checks get none of the daemon's secrets, and ssh what it needs", async () => {
  const task = await handOff(`ssh://git@git.acme.test${bare}`);
  expect(task).toMatchObject({ state: "completed" });
  expect(
    execFileSync("git", ["-C", bare, "branch", "--list", task.branch], { encoding: "utf8" }),
  ).not.toBe("");
  expect(await secretsSeen()).toEqual({ git: [], ssh: [], agent: [], check: [] });
  const [ssh] = (await readdir(scratch.at("seen"))).filter((name) => name.startsWith("ssh."));
  const lines = (await readFile(join(scratch.at("seen"), ssh ?? ""), "utf8")).split("\n");
  for (const [name, value] of Object.entries(setup)) expect(lines).toContain(`${name}=${value}`);
  expect(lines).toContain(`HOME=${scratch.at("home")}`);
});

test.skipIf(!hasGitHttpBackend)(
  "a credential helper gets the variables that are named for its host, and no others",
  async () => {
    const { port } = server.address() as AddressInfo;
    const task = await handOff(`http://127.0.0.1:${port}/app.git`);
    expect(task).toMatchObject({ state: "completed" });
    expect(await secretsSeen()).toMatchObject({
      helper: ["ACME_TOKEN"],
      git: ["ACME_TOKEN"],
      ssh: [],
    });
  },
);

test("a list of variables that cannot be read is refused at the start", async () => {
  const bad = { DEPUTY_GIT_VARIABLES: "git.example.org=GIT_DIR", DEPUTY_HOME: scratch.at("home") };
  const { code, stderr } = await deputy.cli(["up"], { env: bad });
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringContaining('not "git.example.org=GIT_DIR"'),
  });
});
