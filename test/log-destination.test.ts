import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test, vi } from "vitest";
import { openLogDestination } from "../src/daemon/home/log-destination.ts";

/** A log that cannot be written fails nobody, keeps what it can and says what it could not. */
function failing(code: string): Error {
  return Object.assign(new Error(code), { code });
}

test.each(["ENOSPC", "EPIPE", "EBADF", "EFBIG"])(
  "%s: lines wait, and those that do not fit are counted",
  (code) => {
    vi.useFakeTimers();
    try {
      let isFull = true;
      let tries = 0;
      let text = "";
      const log = openLogDestination(2, (_, bytes, done) => {
        tries++;
        if (isFull) return done(failing(code), 0);
        // The kernel takes what fits.
        const taken = bytes.subarray(0, 1_000);
        text += taken.toString("utf8");
        done(null, taken.length);
      });
      const line = `${JSON.stringify({ msg: "x".repeat(1_990) })}\n`;
      for (let count = 0; count < 1_000; count++) log.write(line);
      expect(tries).toBe(1);
      isFull = false;
      vi.runAllTimers();
      const lines = text
        .trimEnd()
        .split("\n")
        .map((one) => JSON.parse(one));
      const { dropped, msg } = lines.at(-1);
      expect(lines.length - 1 + dropped).toBe(1_000);
      expect(msg).toContain(`dropped while it could not be written (${code})`);
      log.write('{"msg":"after"}\n');
      expect(text.endsWith('{"msg":"after"}\n')).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  },
);

test("a reader that stops reading stops nobody, and misses nothing that fits when it goes on", async () => {
  const url = new URL("../dist/daemon/home/log-destination.js", import.meta.url).href;
  const program = `
    const { openLogDestination } = await import(${JSON.stringify(url)});
    const log = openLogDestination(2);
    for (let n = 0; n < 3000; n++) log.write(JSON.stringify({ n, msg: "x".repeat(200) }) + "\\n");
    process.stdout.write("alive");
    setTimeout(() => log.flush(() => process.exit()), 100);
    process.stdin.resume();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [said] = await once(child.stdout, "data"); // its stderr is full and nobody has read any of it
  expect(String(said)).toBe("alive");
  let text = "";
  child.stderr.on("data", (chunk) => {
    text += chunk;
  });
  await once(child, "close");
  const lines = text
    .trimEnd()
    .split("\n")
    .map((one) => JSON.parse(one));
  const { dropped } = lines.at(-1);
  expect(dropped).toBeGreaterThan(0);
  expect(lines.length - 1 + dropped).toBe(3000);
});
