import { spawn } from "node:child_process";
import { connect, createServer } from "node:net";

/**
 * The first program in a sandbox that may reach the daemon's gateway: it listens on 127.0.0.1
 * there, forwards each connection to a unix socket that was mounted, runs the command, and ends as
 * the command ends. `forward.mjs PORT=SOCKET … -- COMMAND …`. It has no imports of ours, because
 * only this file is mounted inside.
 */
const split = process.argv.indexOf("--");
const forwards = process.argv.slice(2, split).map((text) => {
  const at = text.indexOf("=");
  return { port: Number(text.slice(0, at)), socket: text.slice(at + 1) };
});
const [program = "", ...args] = process.argv.slice(split + 1);

for (const { port, socket } of forwards) {
  await new Promise<void>((resolve) => {
    createServer({ allowHalfOpen: true }, (inside) => {
      const outside = connect({ path: socket, allowHalfOpen: true });
      // If either end fails, the other one is closed.
      inside.on("error", () => outside.destroy());
      outside.on("error", () => inside.destroy());
      inside.pipe(outside);
      outside.pipe(inside);
    }).listen(port, "127.0.0.1", resolve);
  });
}

// A signal to the group reaches the command too: wait for its reaction.
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
const child = spawn(program, args, { stdio: "inherit" });
child.on("error", (error: NodeJS.ErrnoException) => {
  console.error(`prlimit: failed to execute ${program}: ${error.message}`);
  process.exit(error.code === "ENOENT" ? 127 : 126);
});
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  for (const caught of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.removeAllListeners(caught);
  process.kill(process.pid, signal);
});
