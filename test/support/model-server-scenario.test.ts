import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { OpenAI } from "openai";
import { describe, expect, test } from "vitest";
import { makeFolder } from "../agents/make-run.ts";
import { askRaw } from "./model-server/ask.ts";
import {
  chatTools,
  responseTools,
  speak,
  startWithClient as start,
  user,
} from "./model-server/ask-openai.ts";
import { loadScenario } from "./model-server/load-scenario.ts";
import type { Json, Turn } from "./model-server/scenario.ts";

const turns: Turn[] = [
  {
    text: "I run the tests.",
    calls: [
      { tool: "bash", args: { command: "npm test" } },
      { tool: "bash", args: { command: "git status" } },
    ],
  },
  { text: "They are green." },
];

describe("one scenario for every agent: calls in the words of the tools it offers", () => {
  const calls = [
    { tool: "bash", args: { command: "ls" } },
    { tool: "read", args: { path: "src/a.js" } },
    { tool: "edit", args: { path: "src/a.js", old: "x\n", new: "y\nz" } },
    { tool: "write", args: { path: "b.md", content: "hi\n" } },
    { tool: "finish", args: { summary: "Fixed." } },
  ];
  const patch = (change: string) => `*** Begin Patch\n${change}*** End Patch\n`;
  const update = patch("*** Update File: src/a.js\n@@\n-x\n+y\n+z\n");
  const add = patch("*** Add File: b.md\n+hi\n");
  const offer = (name: string, ...properties: string[]) => ({
    type: "function",
    name,
    parameters: {
      type: "object",
      properties: Object.fromEntries(properties.map((key) => [key, { type: "string" }])),
    },
  });
  const patchTool = { type: "custom", name: "apply_patch" };

  test.each<[string, Json, unknown[][]]>([
    [
      "the builtin agent",
      {
        tools: [
          offer("bash", "command", "timeout_s"),
          offer("read", "path"),
          offer("edit", "path", "old_text", "new_text"),
          offer("write", "path", "content"),
          offer("finish", "summary"),
        ],
      },
      [
        ["bash", { command: "ls" }],
        ["read", { path: "src/a.js" }],
        ["edit", { path: "src/a.js", old_text: "x\n", new_text: "y\nz" }],
        ["write", { path: "b.md", content: "hi\n" }],
        ["finish", { summary: "Fixed." }],
      ],
    ],
    [
      "codex",
      { tools: [offer("exec_command", "cmd"), patchTool] },
      [
        ["exec_command", { cmd: "ls" }],
        ["exec_command", { cmd: "cat 'src/a.js'" }],
        ["apply_patch", update],
        ["apply_patch", add],
        "Fixed.",
      ],
    ],
    [
      "codex with its tools in the conversation",
      {
        input: [
          {
            type: "additional_tools",
            role: "developer",
            tools: [{ type: "namespace", name: "work", tools: [offer("exec_command", "cmd")] }],
          },
          user("go"),
        ],
      },
      [
        ["exec_command", { cmd: "ls" }],
        ["exec_command", { cmd: "cat 'src/a.js'" }],
        ["exec_command", { cmd: `apply_patch <<'END_OF_PATCH'\n${update}END_OF_PATCH` }],
        ["exec_command", { cmd: `apply_patch <<'END_OF_PATCH'\n${add}END_OF_PATCH` }],
        "Fixed.",
      ],
    ],
    [
      "claude",
      {
        instructions: "Environment:\n - Primary working directory: /srv/tree\n",
        tools: [
          offer("Bash", "command", "description"),
          offer("Read", "file_path"),
          offer("Edit", "file_path", "old_string", "new_string"),
          offer("Write", "file_path", "content"),
        ],
      },
      [
        ["Bash", { command: "ls", description: "Run a command" }],
        ["Read", { file_path: "/srv/tree/src/a.js" }],
        ["Edit", { file_path: "/srv/tree/src/a.js", old_string: "x\n", new_string: "y\nz" }],
        ["Write", { file_path: "/srv/tree/b.md", content: "hi\n" }],
        "Fixed.",
      ],
    ],
    [
      "opencode",
      {
        instructions: "<env>\n  Working directory: /srv/tree\n</env>",
        tools: [
          offer("bash", "command"),
          offer("read", "filePath"),
          offer("edit", "filePath", "oldString", "newString"),
          offer("write", "filePath", "content"),
        ],
      },
      [
        ["bash", { command: "ls" }],
        ["read", { filePath: "/srv/tree/src/a.js" }],
        ["edit", { filePath: "/srv/tree/src/a.js", oldString: "x\n", newString: "y\nz" }],
        ["write", { filePath: "/srv/tree/b.md", content: "hi\n" }],
        "Fixed.",
      ],
    ],
  ] as [string, Json, unknown[][]][])("%s", async (_, more, expected) => {
    const { server } = await start(speak({ calls }));
    const { text } = await askRaw(server, "responses", { stream: false, tools: [], ...more });
    const { output } = JSON.parse(text) as { output: Json[] };
    const said = output.flatMap((item) => {
      if (item.type === "message") return [];
      const args = item.type === "custom_tool_call" ? item.input : JSON.parse(`${item.arguments}`);
      return [[item.name, args]];
    });
    const words = output.flatMap((item) =>
      item.type === "message" ? (item.content as Json[]).map((part) => part.text) : [],
    );
    expect([...said, ...words]).toEqual(expected);
  });

  test("names that are nobody's and arguments that are text go out as they are", async () => {
    const { client } = await start(
      speak({
        calls: [
          { tool: "teleport", args: {} },
          { tool: "bash", args: '{"command": ' },
        ],
      }),
    );
    const { choices } = await client.chat.completions.create({
      model: "scripted",
      messages: [user("go")],
      tools: chatTools,
    });
    expect(choices[0]?.message.tool_calls).toMatchObject([
      { function: { name: "teleport", arguments: "{}" } },
      { function: { name: "bash", arguments: '{"command": ' } },
    ]);
  });
});

describe("roles and turns", () => {
  const say = async (client: OpenAI, content: string, more: Json = {}) => {
    const messages = [{ role: "system" as const, content: "You work." }, user(content)];
    const asked = { model: "scripted", messages, tools: chatTools, ...more };
    const { choices } = await client.chat.completions.create(asked);
    return choices[0]?.message.content ?? choices[0]?.message.tool_calls;
  };

  test("the first role that matches speaks; a title takes no turn of it", async () => {
    const { server, client } = await start({
      roles: {
        planner: { match: /you plan/i, turns: [{ text: "A plan." }] },
        echo: { match: "^You work\\.\necho", turns: (seen) => ({ text: seen.lastUser }) },
        vision: { match: ({ model }) => model === "other", turns: [{ text: "Another model." }] },
      },
    });
    expect(await say(client, "Here you plan.")).toBe("A plan.");
    expect(await say(client, "Echo this")).toBe("Echo this");
    expect(await say(client, "x", { model: "other" })).toBe("Another model.");
    expect(await say(client, "nobody's")).toBe("done");
    const title = "Generate a short title for: you plan";
    expect(await say(client, title, { tools: undefined })).toBe("done");
    expect(server.requests.map(({ role }) => role)).toEqual([
      ...["planner", "echo", "vision", null, null],
    ]);
    expect(Object.keys(server.servedFor(({ role }) => role === "vision"))).toEqual(["other"]);
  });

  test("the turn follows from the conversation, however results are put between the calls", async () => {
    const { server, client } = await start(speak(...turns));
    const { output } = await client.responses.create({
      model: "scripted",
      input: "go",
      tools: responseTools,
    });
    const pairs = output.flatMap((item) =>
      item.type === "function_call"
        ? [item, { type: "function_call_output" as const, call_id: item.call_id, output: "ok" }]
        : [],
    );
    const input = [{ type: "message" as const, ...user("go") }, ...pairs];
    for (const _ of [1, 2]) {
      const { output_text } = await client.responses.create({ model: "scripted", input });
      expect(output_text).toBe("They are green.");
    }
    expect(server.requests.map(({ turn }) => turn)).toEqual([0, 1, 1]);
  });

  test("or, by what was served, over conversations that begin afresh", async () => {
    const { client } = await start({
      roles: {
        reviewer: { turnsBy: "served", turns: [{ text: "Wrong." }, { text: "Right." }] },
      },
    });
    const said = [await say(client, "a"), await say(client, "b"), await say(client, "c")];
    expect(said).toEqual(["Wrong.", "Right.", "done"]);
  });

  test("after the script it ends in the way that the agent can take", async () => {
    const { client } = await start(speak());
    const finish = { type: "function", function: { name: "finish", parameters: {} } };
    expect(await say(client, "x", { tools: [finish] })).toMatchObject([
      { function: { name: "finish", arguments: '{"summary":"done"}' } },
    ]);
    const properties = { title: { type: "string" }, parts: { type: "array" } };
    const json_schema = { name: "plan", schema: { type: "object", properties } };
    const response_format = { type: "json_schema", json_schema };
    expect(await say(client, "x", { response_format })).toBe('{"title":"done","parts":[]}');
  });

  test("an answer by schema is the turn's JSON, on every wire", async () => {
    const json = { findings: [], note: "fine" };
    const { server, client } = await start(speak({ json }));
    const schema = { type: "object", properties: {}, additionalProperties: true };
    const { output_text } = await client.responses.create({
      model: "scripted",
      input: "go",
      text: { format: { type: "json_schema", name: "review", schema } },
    });
    expect(JSON.parse(output_text)).toEqual(json);
    const byTool = await askRaw(server, "messages", {
      stream: false,
      tools: [{ name: "StructuredOutput", input_schema: schema }],
    });
    expect(JSON.parse(byTool.text).content).toMatchObject([
      { type: "tool_use", name: "StructuredOutput", input: json },
    ]);
  });

  test("without numbers in the script, four bytes of the request are a token", async () => {
    const { server, client } = await start(speak({ text: "12345678" }, { text: "1234" }));
    await say(client, "go");
    const [first] = server.requests;
    expect(first?.usage).toEqual({
      inputTokens: Math.ceil((first?.bytes ?? 0) / 4),
      cachedInputTokens: 0,
      outputTokens: 2,
      reasoningTokens: 0,
    });
    const messages = [user("go"), { role: "assistant" as const, content: "12345678" }, user("on")];
    await client.chat.completions.create({ model: "scripted", messages });
    const second = server.requests[1]?.usage;
    expect(second).toMatchObject({ outputTokens: 1 });
    expect(second?.cachedInputTokens).toBeGreaterThan(0);
    expect(second?.cachedInputTokens).toBeLessThan(second?.inputTokens ?? 0);
  });

  test("a scenario comes from a file too, and a mistake in it is named", async () => {
    const path = join(await makeFolder(), "scenario.json");
    const roles = { coder: { match: "fix", turns: [{ text: "From a file." }] } };
    await writeFile(path, JSON.stringify({ roles }));
    const { client } = await start(await loadScenario(path));
    expect(await say(client, "Fix it")).toBe("From a file.");
    await writeFile(path, JSON.stringify({ roles: { coder: { turns: [{ txet: "x" }] } } }));
    await expect(loadScenario(path)).rejects.toThrow(/is no scenario.*txet/s);
  });
});
