import { spawn } from "node:child_process";
import { OpenAI } from "openai";

/**
 * What all others are measured by: the least that can be called an agent. The `openai` package, three
 * tools that start a process each, a list of messages, a loop. It keeps nothing, guards nothing and
 * is killed with everything that it did not finish.
 */
const [, , cwd, brief] = process.argv;
const client = new OpenAI({ maxRetries: 0 });

const text = { type: "string" };
const tool = (name, description, properties) => ({
  type: "function",
  function: {
    ...{ name, description },
    parameters: { type: "object", properties, required: Object.keys(properties) },
  },
});
const tools = [
  tool("read", "Read a file.", { path: text }),
  tool("edit", "Replace a line.", { path: text, old: text, new: text }),
  tool("bash", "Run a command.", { command: text }),
];

function start(program, args) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      output += chunk;
    });
    child.on("close", (code) => resolve(code === 0 ? output : `${output}\nexit ${code}`));
  });
}

function run(name, args) {
  switch (name) {
    case "read":
      return start("cat", [args.path]);
    case "edit":
      return start("sed", ["-i", `s/^${args.old}$/${args.new}/`, args.path]);
    case "bash":
      return start("sh", ["-c", args.command]);
  }
}

const messages = [
  { role: "system", content: "You are a coding agent. Use the tools; say so when you are done." },
  { role: "user", content: brief },
];
for (;;) {
  const stream = await client.chat.completions.create({
    ...{ model: "scripted", messages, tools, stream: true },
  });
  let content = "";
  const calls = [];
  for await (const { choices } of stream) {
    const delta = choices[0]?.delta;
    content += delta?.content ?? "";
    for (const part of delta?.tool_calls ?? []) {
      calls[part.index] ??= { id: "", type: "function", function: { name: "", arguments: "" } };
      const call = calls[part.index];
      call.id ||= part.id ?? "";
      call.function.name ||= part.function?.name ?? "";
      call.function.arguments += part.function?.arguments ?? "";
    }
  }
  if (calls.length === 0) break;
  messages.push({ role: "assistant", content: content || null, tool_calls: calls });
  for (const { id, function: called } of calls) {
    const answer = await run(called.name, JSON.parse(called.arguments));
    messages.push({ role: "tool", tool_call_id: id, content: answer });
  }
}
