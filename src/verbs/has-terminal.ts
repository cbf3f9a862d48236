import { isatty } from "node:tty";

/** Whether this process prints to a terminal: then it belongs to that, and ends with it. */
export function hasTerminal(): boolean {
  return isatty(1) || isatty(2);
}
