import picocolors from "picocolors";
import type { CliIo } from "../io.ts";

export type Colors = ReturnType<typeof picocolors.createColors>;

/** Colours on a capable terminal, unless NO_COLOR is set (https://no-color.org). */
export function chooseColors({ stdout, env }: Pick<CliIo, "stdout" | "env">): Colors {
  return picocolors.createColors(stdout.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb");
}
