import { expect, test, vi } from "vitest";
import { openLogDestination } from "../src/log-destination.ts";

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
      const log = openLogDestination(2, (_, bytes) => {
        tries++;
        if (isFull) throw failing(code);
        // The kernel takes what fits.
        const taken = bytes.subarray(0, 1_000);
        text += taken.toString("utf8");
        return taken.length;
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
