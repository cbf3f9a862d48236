/**
 * Loaded into a daemon before its program: on SIGUSR2 the clock that JavaScript reads jumps by the
 * milliseconds in a file. Timers do not, as they do not where a real clock is set: they count from the
 * machine's start. What the clock says after the jump is written beside the file.
 */
const { readFileSync, writeFileSync } = require("node:fs");

const path = process.env.CLOCK_SHIFT_FILE;
const RealDate = Date;
let shift = 0;
const now = () => RealDate.now() + shift;

globalThis.Date = new Proxy(RealDate, {
  apply: () => new RealDate(now()).toString(),
  construct: (target, given, made) =>
    Reflect.construct(target, given.length > 0 ? given : [now()], made),
  get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
});

process.on("SIGUSR2", () => {
  shift = Number(readFileSync(path, "utf8"));
  writeFileSync(`${path}.seen`, new Date().toISOString());
});
