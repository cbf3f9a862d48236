import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { callTool } from "../../src/agents/builtin/tools/tool.ts";
import {
  type McpTools,
  type McpToolsOptions,
  openMcpTools,
} from "../../src/agents/mcp/open-mcp-tools.ts";
import { scrubbedEnvironment } from "../../src/core/base/child-environment.ts";
import { type McpServerConfig, mcpServersSchema } from "../../src/core/settings/mcp-server.ts";
import {
  isProcessAlive,
  type ProcessIdentity,
} from "../../src/sandbox/process/process-identity.ts";
import { spawnPiped } from "../../src/sandbox/process/spawn-piped.ts";
import { makeScratch } from "../support/scratch.ts";

/** The tools of MCP servers in the builtin agent: real servers, as processes and over HTTP. */
const script = resolve(import.meta.dirname, "../support/tool-server.mjs");
const started: ProcessIdentity[] = [];
const opens: McpTools[] = [];
afterEach(async () => {
  await Promise.all(opens.map((opened) => opened.ok && opened.close()));
  opens.length = 0;
  expect(started.filter(isProcessAlive)).toEqual([]);
  started.length = 0;
});

/** A folder that is gone after the test. */
async function makeFolder(): Promise<string> {
  const scratch = await makeScratch();
  onTestFinished(() => scratch.remove());
  return scratch.path;
}

const program = (...args: string[]) => ({ command: process.execPath, args: [script, ...args] });
const configure = (servers: Record<string, unknown>): McpServerConfig[] =>
  mcpServersSchema.parse(servers);

async function open(servers: Record<string, unknown>, more: Partial<McpToolsOptions> = {}) {
  const opened = await openMcpTools(configure(servers), {
    cwd: await makeFolder(),
    env: scrubbedEnvironment(),
    readVariable: (name) => ({ GIVEN: "Bearer s3cret-value" })[name],
    spawn: (spec) => spawnPiped({ ...spec, onStarted: (identity) => started.push(identity) }, 200),
    signal: new AbortController().signal,
    readOnly: false,
    ...more,
  });
  opens.push(opened);
  return opened;
}

/** A port that somebody listened on until now. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** One call as the loop makes it. */
async function call(opened: McpTools, name: string, input: unknown = {}): Promise<string> {
  if (!opened.ok) throw new Error(opened.detail);
  const made = { id: "1", name, arguments: JSON.stringify(input) };
  return (await callTool(opened.tools, made, () => {})).text;
}

const names = (opened: McpTools) => (opened.ok ? opened.tools.map(({ name }) => name) : []);

test("the tools of a program are tools of the loop, under its name and within limits", async () => {
  const opened = await open({ kit: program() });
  expect(names(opened)).toContain("mcp__kit__echo");
  expect(names(opened)).toContain("mcp__kit__needless_space_and_signs");
  expect(await call(opened, "mcp__kit__echo", { words: "hello" })).toBe("hello");
  expect(await call(opened, "mcp__kit__needless_space_and_signs")).toBe("ok");
  expect(await call(opened, "mcp__kit__structured")).toBe('{"sum":3}');
  const flood = await call(opened, "mcp__kit__flood");
  expect(flood).toMatch(/^beginx+\n\[… \d+ characters left out …\]\nx+end$/);
  expect(flood.length).toBeLessThan(25_000);
  const tools = opened.ok ? opened.tools : [];
  const described = tools.find(({ name }) => name === "mcp__kit__flood")?.description;
  expect(described?.length).toBe(1_000);
  expect(await call(opened, "mcp__kit__fail")).toBe("the lamp is broken");
  expect(await call(opened, "mcp__kit__echo", { words: 5 })).toContain("words");
  expect(await call(opened, "mcp__kit__echo", [])).toContain("must be an object");
});

test("a program gets what its configuration names, and no answer shows a secret", async () => {
  process.env.DAEMON_ONLY = "not for servers";
  onTestFinished(() => {
    delete process.env.DAEMON_ONLY;
  });
  const opened = await open({ kit: { ...program(), env: ["GIVEN"] } });
  expect(await call(opened, "mcp__kit__env")).toBe('{"given":"[redacted]","home":null}');
  expect(await call(opened, "mcp__kit__echo", { words: "is it s3cret-value?" })).toBe(
    "is it [redacted]?",
  );
});

test("a dead server that is required ends the attempt by its name, others are left out and said", async () => {
  const dead = { ...program("exit"), required: true };
  const opened = await open({ kit: program(), base: dead });
  expect(opened).toEqual({
    ok: false,
    server: "base",
    detail: "the required MCP server base has ended (exit 4: no such database)",
  });
  const others = await open({
    kit: program(),
    base: program("exit"),
    gone: { command: "/no/such/program" },
    poor: { ...program(), env: ["NOT_SET"] },
    silent: { ...program("silent"), start_timeout_s: 0.3 },
    garbage: program("garbage"),
    far: { url: `http://127.0.0.1:${await closedPort()}/mcp` },
  });
  expect(names(others)).toContain("mcp__kit__echo");
  const said = others.ok ? others.leftOut.join("\n") : "";
  expect(said).toContain("base is left out: it has ended (exit 4: no such database).");
  expect(said).toMatch(/gone is left out: it cannot be started: .*ENOENT/);
  expect(said).toContain("poor is left out: it wants the environment variable NOT_SET, which is");
  expect(said).toContain("silent is left out: it does not answer within 0.3 s.");
  expect(said).toContain("garbage is left out: it said something that is no message: ");
  expect(said).toContain("far is left out: it does not answer (ECONNREFUSED).");
});

test("the end of a server counts, not that nothing could be written to it any more", async () => {
  const deaf = "exec <&-; echo deaf >&2; sleep 0.1; echo 'no such database' >&2; exit 4";
  const opened = await open(
    { base: { command: "sh", args: ["-c", deaf], required: true } },
    {
      spawn: async (spec) => {
        const server = await spawnPiped(spec, 10_000);
        while (!server.stderr().includes("deaf")) await new Promise((done) => setTimeout(done, 5));
        return server;
      },
    },
  );
  const detail = "the required MCP server base has ended (exit 4: no such database)";
  expect(opened).toEqual({ ok: false, server: "base", detail });
});

test("a server that dies in the middle is an answer, and its other tools say so too", async () => {
  const opened = await open({ kit: program(), other: program() });
  const ended = "Error: the MCP server kit has ended (exit 3: out of luck)";
  expect(await call(opened, "mcp__kit__die")).toBe(ended);
  expect(await call(opened, "mcp__kit__echo", { words: "still there?" })).toBe(ended);
  expect(await call(opened, "mcp__other__echo", { words: "here" })).toBe("here");
});

test("a call has a limit of its own, and an abort ends it", async () => {
  const stop = new AbortController();
  const opened = await open({ kit: { ...program(), call_timeout_s: 0.2 } });
  expect(await call(opened, "mcp__kit__hang")).toBe(
    "Error: the MCP server kit does not answer within 0.2 s",
  );
  expect(await call(opened, "mcp__kit__echo", { words: "goes on" })).toBe("goes on");
  const other = await open({ kit: program() }, { signal: stop.signal });
  const answer = call(other, "mcp__kit__hang");
  stop.abort();
  expect(await answer).toContain("Error: the MCP server kit");
});

test("closing ends the program with what it started", async () => {
  const file = join(await makeFolder(), "pid");
  const opened = await open({ kit: program("serve", file) });
  expect(await call(opened, "mcp__kit__child")).toBe("started");
  const child = { pid: Number(await readFile(file, "utf8")), startTicks: null };
  expect(isProcessAlive(child)).toBe(true);
  if (opened.ok) await opened.close();
  expect(isProcessAlive(child)).toBe(false);
  expect(started.filter(isProcessAlive)).toEqual([]);
});

test("who may only read gets only the tools that say that they only read", async () => {
  expect(names(await open({ kit: program() }, { readOnly: true }))).toEqual(["mcp__kit__echo"]);
});

test("an address that redirects or floods gets no header and no memory of ours", async () => {
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers["x-key"]?.toString());
    if (request.url === "/move") {
      response.writeHead(307, { location: "/elsewhere" }).end();
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    const fill = () => {
      while (response.write("x".repeat(1024 * 1024)));
    };
    response.on("drain", fill);
    fill();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const headers_from_env = { "x-key": "GIVEN" };
  for (const path of ["move", "flood"]) {
    seen.length = 0;
    const url = `${at}/${path}`;
    const opened = await open({ far: { url, headers_from_env, required: true } });
    expect(opened.ok).toBe(false);
    expect(JSON.stringify(opened)).not.toContain("s3cret");
    expect(new Set(seen)).toEqual(new Set(["Bearer s3cret-value"]));
    if (path === "move") expect(seen.length).toBeLessThanOrEqual(2);
  }
});

test("a configuration that cannot be is refused by its place", () => {
  for (const servers of [
    { "Bad Name": program() },
    { kit: {} },
    { kit: { url: "ftp://host/" } },
    { kit: { ...program(), env: ["KEY=value"] } },
    { kit: { command: "x", url: "https://host/" } },
  ]) {
    expect(mcpServersSchema.safeParse(servers).success, JSON.stringify(servers)).toBe(false);
  }
});
