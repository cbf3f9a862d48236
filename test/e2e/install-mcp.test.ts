import { chmod } from "node:fs/promises";
import { delimiter } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { runCommand } from "../../src/sandbox/process/run-command.ts";
import { mainPath } from "../support/deputy.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

/** `deputy mcp install`, with programs in the place of claude and codex that note what they are told. */
let scratch: Scratch;
beforeEach(async () => {
  scratch = await makeScratch();
  onTestFinished(() => scratch.remove());
});

const note = (name: string) => `printf '%s\\n' "$*" >> ${scratch.at(`${name}.told`)}`;

async function place(name: string, lines: string): Promise<void> {
  await chmod(await scratch.write(name, `#!/bin/sh\n${note(name)}\n${lines}\n`), 0o755);
}

async function install(...args: string[]) {
  const { exitCode, output } = await runCommand({
    argv: [process.execPath, mainPath, "mcp", "install", ...args],
    cwd: scratch.path,
    env: {
      PATH: [scratch.path, "/usr/bin", "/bin"].join(delimiter),
      HOME: scratch.path,
      DEPUTY_HOME: scratch.at("home"),
      DEPUTY_TOKEN: "very-secret-token",
    },
    timeoutMs: 30_000,
  });
  return { exitCode, output };
}

const told = async (name: string) => (await scratch.read(`${name}.told`)).trim().split("\n");

test("both are told by their own command, twice is once, and the token is not in it", async () => {
  // As claude does it: a name that it knows is refused until it is removed.
  const known = scratch.at("known");
  await place(
    "claude",
    `case "$2" in
add) if [ -e ${known} ]; then echo "MCP server deputy already exists in user config" >&2; exit 1; fi; touch ${known} ;;
remove) rm ${known} ;;
esac`,
  );
  await place("codex", `echo "Added global MCP server 'deputy'."`);
  const first = await install();
  expect(first).toMatchObject({ exitCode: 0 });
  expect(first.output).toContain("claude knows Deputy now");
  expect(first.output).toContain("codex knows Deputy now");
  const start = `-- ${process.execPath} ${mainPath} mcp`;
  const settings = `--env DEPUTY_HOME=${scratch.at("home")}`;
  const add = `mcp add deputy --scope user ${settings} ${start}`;
  expect(await told("claude")).toEqual([add]);
  expect(await told("codex")).toEqual([`mcp add deputy ${settings} ${start}`]);

  expect((await install("--client", "claude", "--json")).exitCode).toBe(0);
  expect(await told("claude")).toEqual([add, add, "mcp remove deputy --scope user", add]);
  expect(await told("codex")).toHaveLength(1);
  expect(scratch.has("known")).toBe(true);
  expect([...(await told("claude")), first.output].join("\n")).not.toContain("very-secret");
});

test("without them, or with --print, it says what to paste and changes nothing", async () => {
  const absent = await install("--client", "codex");
  expect(absent.exitCode).toBe(0);
  expect(absent.output).toContain("codex is not installed here. For codex, put this into ~/.codex");
  expect(absent.output).toContain(`[mcp_servers.deputy]\ncommand = "${process.execPath}"`);
  expect(absent.output).toContain(`DEPUTY_HOME = "${scratch.at("home")}"`);
  await place("claude", "exit 0");
  const printed = await install("--print", "--json");
  const [claude, codex] = JSON.parse(printed.output);
  expect(codex).toMatchObject({ client: "codex", result: "printed" });
  expect(JSON.parse(claude.config.text).mcpServers.deputy).toMatchObject({
    command: process.execPath,
    args: [mainPath, "mcp"],
  });
  expect(scratch.has("claude.told")).toBe(false);
  expect(printed.output + absent.output).not.toContain("very-secret");
});

test("one that refuses is told in its words, with the way around", async () => {
  await place("codex", "echo 'config.toml is damaged' >&2; exit 1");
  const { exitCode, output } = await install("--client", "codex");
  expect(exitCode).toBe(2);
  expect(output).toContain("`codex mcp add` failed (config.toml is damaged)");
  expect(output).toContain("--print");
});
