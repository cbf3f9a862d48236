import { frozenWire } from "../../api/freeze.ts";
import { connect } from "../client.ts";
import { type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { oneLine } from "../render/text.ts";
import type { Json } from "./commands-look.ts";

/** The verbs for all tasks at once: freeze, thaw. */
export async function freezeAll(
  io: CliIo,
  { reason, ...options }: Json & { reason?: string },
): Promise<ExitCode> {
  const body = { ...(reason !== undefined && { reason }) };
  return tell(io, "/v1/freeze", options, " Lift it with: deputy thaw", { body });
}

export async function thawAll(io: CliIo, options: Json): Promise<ExitCode> {
  return tell(io, "/v1/thaw", options, "");
}

async function tell(
  io: CliIo,
  path: string,
  { json }: Json,
  next: string,
  request: { body?: unknown } = {},
): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(frozenWire, "POST", path, request);
  io.stdout.write(json ? `${JSON.stringify(raw)}\n` : `${oneLine(value.detail, 1_000)}${next}\n`);
  return exitCodes.ok;
}
