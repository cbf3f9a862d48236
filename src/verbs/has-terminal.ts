import { isatty } from "node:tty";

/** Whether a terminal shows what this process prints: then it is somebody's, and ends with it. */
export function hasTerminal(): boolean {
  return isatty(1) || isatty(2);
}
