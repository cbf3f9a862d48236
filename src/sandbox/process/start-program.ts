import { findProgram } from "./find-program.ts";
import { readShebang } from "./read-shebang.ts";

/**
 * Returns how to start an installed agent. A first line such as `#!/usr/bin/env node` leaves the choice
 * to PATH, which in a run leads to the versions that the task's repository asks for: an old one may be
 * none that the agent works with. So its interpreter is the first on `path`, the daemon's own PATH.
 */
export function startProgram(file: string, path: string): [string, ...string[]] {
  const [env, name = "", ...more] = readShebang(file);
  const isPlain = env === "/usr/bin/env" && /^[\w.+-]+$/.test(name) && more.length === 0;
  const interpreter = isPlain ? findProgram(name, path) : null;
  return interpreter === null ? [file] : [interpreter, file];
}
