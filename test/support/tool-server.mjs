import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

/** A small MCP server over stdio, with tools that go well and tools that go wrong. */
const text = (words) => ({ content: [{ type: "text", text: words }] });
const [mode, file] = process.argv.slice(2);

if (mode === "exit") {
  console.error("no such database");
  process.exit(4);
}
if (mode === "silent") {
  process.stdin.resume();
} else if (mode === "garbage") {
  process.stdout.write("x".repeat(9 * 1024 * 1024));
  process.stdin.resume();
} else {
  console.log('listening\n{"level":"info"}'); // as servers do that think of a person
  serveStdio(() => {
    const server = new McpServer({ name: "tools", version: "1.0.0" });
    const add = (name, description, run, more = {}) =>
      server.registerTool(name, { description, inputSchema: z.object({}).loose(), ...more }, run);
    add("echo", "Says it again.", ({ words }) => text(String(words)), {
      inputSchema: z.object({ words: z.string() }),
      annotations: { readOnlyHint: true },
    });
    add("env", "Tells what it was given.", () =>
      text(JSON.stringify({ given: process.env.GIVEN, home: process.env.DAEMON_ONLY ?? null })),
    );
    add("flood", "d".repeat(5_000), () => text(`begin${"x".repeat(200_000)}end`));
    add("fail", "Fails.", () => ({ ...text("the lamp is broken"), isError: true }));
    add("structured", "Data alone.", () => ({ content: [], structuredContent: { sum: 3 } }));
    add("hang", "Never answers.", () => new Promise(() => {}));
    add("die", "Ends the server.", () => {
      console.error("out of luck");
      process.exit(3);
    });
    add("child", "Leaves a process behind.", () => {
      const child = spawn("sleep", ["600"], { detached: true, stdio: "ignore" });
      writeFileSync(file, String(child.pid));
      return text("started");
    });
    add("needless space.and/signs", "Has a name that no provider takes.", () => text("ok"));
    return server;
  });
}
