import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { openMcpTools } from "../../src/agents/mcp/open-mcp-tools.ts";
import { mcpServersSchema } from "../../src/core/settings/mcp-server.ts";
import { type Json, mainPath } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { waitFor } from "../support/scratch.ts";

/** Another agent delegates: the tools over stdio (`deputy mcp`) and over HTTP (`/mcp`). */
const repair = "sed -i s/Hullo/Hello/ greeting.txt";
const check = "grep -q Hello greeting.txt";
const { deputy, repository, scratch } = withDeputy({ files: { "greeting.txt": "Hullo\n" } });
let token: string;

beforeAll(async () => {
  token = (await readFile(join(deputy.home, "token"), "utf8")).trim();
});

type Door = "stdio" | "http" | "http, new protocol";
const doors: Door[] = ["stdio", "http", "http, new protocol"];

/** A client of the SDK at one of the doors; `call` gives what a tool said. */
async function connect(door: Door, env: Record<string, string> = {}) {
  const mode = door === "http, new protocol" ? "auto" : "legacy";
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  await client.connect(
    door === "stdio"
      ? new StdioClientTransport({
          command: process.execPath,
          args: [mainPath, "mcp"],
          env: { ...deputy.env, ...env },
          cwd: repository.path,
        })
      : new StreamableHTTPClientTransport(new URL(`${deputy.url()}/mcp`), {
          requestInit: { headers: { authorization: `Bearer ${token}` } },
        }),
  );
  onTestFinished(() => client.close());
  const call = async (name: string, input: Record<string, unknown> = {}) => {
    const result = await client.callTool({ name, arguments: input });
    const [part] = result.content;
    return {
      isError: result.isError === true,
      text: part?.type === "text" ? part.text : "",
      data: (result.structuredContent ?? null) as Json,
    };
  };
  return { client, call };
}

const input = (goal: string, agent = `command:${repair}`) => ({
  goal,
  repository: repository.path,
  agent,
  checks: [check],
});

test.each(doors)("a task is delegated, followed and proved over %s", async (door) => {
  const { client, call } = await connect(door);
  expect(client.getServerVersion()).toMatchObject({
    name: "deputy",
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
  });
  expect(client.getInstructions()).toContain("Deputy");
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name).sort()).toEqual(
    ["answer", "cancel", "inbox", "receipt", "status", "submit", "why"].sort(),
  );
  const submit = tools.find(({ name }) => name === "submit");
  expect(submit?.inputSchema.properties).toHaveProperty("goal");
  expect(submit?.inputSchema.required).toEqual(
    door === "stdio" ? ["goal"] : expect.arrayContaining(["goal", "repository"]),
  );

  const { repository: there, ...rest } = input(`Mend it over ${door}`);
  const key = { idempotency_key: `key-${door.replaceAll(/\W+/g, "-")}` };
  const body = door === "stdio" ? { ...rest, ...key } : { ...rest, ...key, repository: there };
  const begun = await call("submit", body);
  expect(begun).toMatchObject({ isError: false, data: { state: "queued", repository: there } });
  const { task_id } = begun.data;
  expect(begun.text).toContain(task_id);
  expect((await call("submit", body)).data.task_id).toBe(task_id);

  expect((await deputy.untilOver(task_id)).state).toBe("completed");
  const status = await call("status", { task_id });
  expect(status.data).toMatchObject({ task_id, state: "completed", waiting_for: null });
  expect(repository.git("branch", "--list", status.data.branch)).not.toBe("");
  expect(status.text).toContain(`branch: ${status.data.branch}`);
  expect((await call("status")).data.tasks[0]).toMatchObject({ task_id });
  expect((await call("why", { task_id })).data).toMatchObject({ id: task_id, state: "completed" });
  const receipt = await call("receipt", { task_id });
  expect(receipt.text).toContain(check);
  expect(receipt.data.receipt).toBe(receipt.text);
});

test.each(doors)(
  "what cannot be is one sentence over %s, and the connection goes on",
  async (door) => {
    const { call } = await connect(door);
    const good = input("Never made");
    const sentence = /^["A-Z][^\n]*$/;
    for (const [tool, bad, words] of [
      ["submit", { ...good, goal: " " }, '"goal" must not be empty'],
      ["submit", { ...good, goal: undefined }, '"goal" is missing'],
      ["submit", { ...good, colour: "red" }, 'unknown field: "colour"'],
      ["submit", { ...good, agent: "nobody" }, '"agent" is no known agent'],
      ["submit", { ...good, repository: "/nowhere/at/all" }, "/nowhere/at/all"],
      ["submit", { ...good, goal: "a\0b" }, "cannot be stored"],
      ["status", { task_id: "sub_123" }, "must be the id of a task"],
      ["why", {}, '"task_id" is missing'],
      ["receipt", { task_id: "task_zzzzzzzzzz" }, "There is no task"],
      ["cancel", { task_id: "task_zzzzzzzzzz" }, "There is no task"],
      ["answer", { task_id: "task_zzzzzzzzzz", answer: "yes" }, "There is no task"],
    ] as const) {
      const said = await call(tool, bad);
      expect(said.isError, `${tool}: ${said.text}`).toBe(true);
      expect(said.text).toContain(words);
      expect(said.text).toMatch(sentence);
    }
    expect((await call("status")).isError).toBe(false);
  },
);

test("an agent's question is answered, a person's decision is not", async () => {
  const { call } = await connect("stdio");
  const agent = await scratch.agent(
    "asks.sh",
    `if grep -q "Blue, please" "$DEPUTY_BRIEF_FILE"; then ${repair}
else echo '{"question":"Which colour?"}'; fi`,
  );
  const { task_id } = (await call("submit", input("Ask first", agent))).data;
  await deputy.untilEvent(task_id, ({ type }) => type === "question.asked");
  const status = await call("status", { task_id });
  const [question] = status.data.questions;
  expect(question).toMatchObject({ kind: "question", text: "Which colour?" });
  expect(status.text).toContain("Which colour?");

  const turn = (kind: string) =>
    deputy.database?.query(
      `update questions set kind = '${kind}' where id = '${question.question_id}'`,
    );
  await turn("approval");
  for (const named of [{}, { question_id: question.question_id }]) {
    const refused = await call("answer", { task_id, answer: "yes", ...named });
    expect(refused).toMatchObject({ isError: true });
    expect(refused.text).toContain("an approval, which only a person can give");
  }
  // The daemon itself refuses it, whatever the tool that asks it thinks.
  const said = { answer: "yes", question_id: question.question_id };
  for (const kind of ["approval", "plan", "budget", "permission", "review", "pause"]) {
    await turn(kind);
    const path = `/v1/tasks/${task_id}/answer`;
    const { status, body } = await deputy.api("POST", path, said, { "deputy-client": "mcp" });
    expect([status, body.detail]).toEqual([403, expect.stringContaining("only a person can give")]);
  }
  expect((await deputy.api("GET", `/v1/tasks/${task_id}`)).body.questions[0].answer).toBe(null);
  await turn("question");

  const other = await call("answer", { task_id, answer: "x", question_id: "qst_other" });
  expect(other).toMatchObject({
    isError: true,
    text: `${task_id} has no open question qst_other.`,
  });
  expect(await call("answer", { task_id, answer: "Blue, please" })).toMatchObject({
    isError: false,
    data: { task_id, question_id: question.question_id },
  });
  expect((await deputy.untilOver(task_id)).state).toBe("completed");
  const late = await call("answer", { task_id, answer: "Red" });
  expect(late).toMatchObject({ isError: true, text: `${task_id} has no open question.` });
});

test("what runs is explained and can be cancelled", async () => {
  const { call } = await connect("http");
  const agent = await scratch.agent(
    "waits.sh",
    `touch ${scratch.at("began")}\n${waitFor(scratch.at("never"))}`,
  );
  const { task_id } = (await call("submit", input("Wait", agent))).data;
  await scratch.until("began");
  const why = await call("why", { task_id });
  expect(why.data).toMatchObject({ id: task_id, state: "running" });
  expect(why.text).toContain("next: ");
  expect((await call("status", { task_id })).data.waiting_for).toBe(why.data.waiting_for);
  expect((await call("cancel", { task_id })).text).toMatch(/is cancelled|is asked to stop/);
  expect((await deputy.untilOver(task_id)).state).toBe("cancelled");
  expect((await call("cancel", { task_id })).text).toBe(`${task_id} is cancelled.`);
});

test("/mcp wants the token and a host of ours, and survives what is no request", async () => {
  const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
  const post = (body: NonNullable<RequestInit["body"]>, headers: Record<string, string> = {}) =>
    fetch(`${deputy.url()}/mcp`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        authorization: `Bearer ${token}`,
        ...headers,
      },
      body,
    });
  expect((await post(ping)).status).toBe(200);
  expect((await post(ping, { authorization: "" })).status).toBe(401);
  expect((await post(ping, { authorization: "Bearer wrong" })).status).toBe(401);
  expect((await post(ping, { "content-type": "text/plain" })).status).toBe(415);
  expect((await post(ping, { "sec-fetch-site": "cross-site" })).status).toBe(403);
  expect((await post(Buffer.from([0xff, 0xfe]))).status).toBe(400);
  const broken = await post("{");
  expect(broken.status).toBe(400);
  expect(await broken.json()).toMatchObject({ jsonrpc: "2.0", error: { code: -32700 } });
  expect((await post(`"${"x".repeat(9 * 1024 * 1024)}"`)).status).toBe(413);
  const get = await fetch(`${deputy.url()}/mcp`, { headers: { authorization: `Bearer ${token}` } });
  expect(get.status).toBe(405);
  const { hostname, port } = new URL(deputy.url());
  const foreign = await new Promise<number | undefined>((resolve, reject) => {
    const headers = { host: "evil.example", authorization: `Bearer ${token}` };
    request({ host: hostname, port, path: "/mcp", method: "POST", headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on("error", reject)
      .end();
  });
  expect(foreign).toBe(403);
  expect((await post(ping)).status).toBe(200);
});

test("our own agent uses them over HTTP, with a token that it is never shown", async () => {
  const open = (value: string) =>
    openMcpTools(
      mcpServersSchema.parse({
        deputy: {
          url: `${deputy.url()}/mcp`,
          headers_from_env: { authorization: "AUTH" },
          required: true,
        },
      }),
      {
        cwd: scratch.path,
        env: {},
        readVariable: () => value,
        spawn: () => Promise.reject(new Error("nothing is started")),
        signal: new AbortController().signal,
        readOnly: true,
      },
    );
  const opened = await open(`Bearer ${token}`);
  if (!opened.ok) throw new Error(opened.detail);
  expect(opened.tools.map(({ name }) => name)).toEqual([
    "mcp__deputy__status",
    "mcp__deputy__inbox",
    "mcp__deputy__why",
    "mcp__deputy__receipt",
  ]);
  const status = opened.tools[0]?.prepare({});
  expect(await status?.run()).toMatchObject({ ok: true });
  await opened.close();
  expect(await open("Bearer wrong")).toMatchObject({
    ok: false,
    server: "deputy",
    detail: expect.stringMatching(/^the required MCP server deputy answers HTTP 401/),
  });
});

test("without a daemon every tool says so, and works again when there is one", async () => {
  const { call } = await connect("stdio");
  await deputy.stop();
  const away = await call("status");
  expect(away).toMatchObject({ isError: true });
  expect(away.text).toContain("deputy up");
  await deputy.start();
  expect((await call("status")).isError).toBe(false);
});
