import { warmWire } from "../../api/warm.ts";
import { connect } from "../client.ts";
import { chooseRepository } from "../find-repository.ts";
import { type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { oneLine } from "../render/text.ts";
import type { Json } from "./commands-look.ts";

/** `deputy warm`: has setup run now, and waits until that has ended. */
export async function warmRepository(
  io: CliIo,
  given: string | undefined,
  { base, json }: Json & { base?: string },
): Promise<ExitCode> {
  const body = { repository: chooseRepository(given, io.cwd), ...(base !== undefined && { base }) };
  const client = connect(io);
  let isTold = false;
  for (;;) {
    const { raw, value } = await client.json(warmWire, "POST", "/v1/warm", { body });
    if (value.state === "making") {
      if (!isTold && !json) io.stderr.write("Setup is running; Ctrl-C leaves it running.\n");
      isTold = true;
      continue;
    }
    const { base_commit, base_ref, detail, setup, state } = value;
    const what = setup.map((command) => `\`${command}\``).join(", ");
    const where = `${base_ref} at ${base_commit?.slice(0, 10)}`;
    const line = `${where}${what === "" ? "" : `, ${what}`}: ${detail}`;
    io.stdout.write(json ? `${JSON.stringify(raw)}\n` : `${oneLine(line, 2_000)}\n`);
    return state === "failed" ? exitCodes.taskFailed : exitCodes.ok;
  }
}
