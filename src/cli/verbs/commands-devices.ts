import type { Command } from "commander";
import { devicesWire, deviceWire, pairingWire } from "../../api/phone.ts";
import { connect } from "../client.ts";
import { type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { oneLine } from "../render/text.ts";
import type { Json } from "./commands-look.ts";

/** The verbs for phones that may decide: pair, devices ls, devices revoke. */
export function addDeviceVerbs(
  program: Command,
  io: CliIo,
  end: (work: Promise<ExitCode>) => Promise<void>,
): void {
  program
    .command("pair")
    .description("print a code that lets one phone decide on answer pages")
    .option("--json", "print JSON for programs")
    .action((options: Json) => end(pairDevice(io, options)));
  const devices = program.command("devices").description("phones that were paired");
  devices
    .command("ls")
    .description("list paired devices")
    .option("--json", "print JSON for programs")
    .action((options: Json) => end(listDevices(io, options)));
  devices
    .command("revoke")
    .description("forget a paired device")
    .argument("<id>", "its id, as devices ls lists it")
    .option("--json", "print JSON for programs")
    .action((id: string, options: Json) => end(revokeDevice(io, id, options)));
}

async function pairDevice(io: CliIo, { json }: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(pairingWire, "POST", "/v1/pairing");
  const { code, expires_at: until } = value;
  const shown = `${code.slice(0, 4)} ${code.slice(4)}`;
  io.stdout.write(
    json
      ? `${JSON.stringify(raw)}\n`
      : `${shown}\nType it on the page that a push opened, before ${until.slice(11, 16)} UTC. Five tries.\n`,
  );
  return exitCodes.ok;
}

async function listDevices(io: CliIo, { json }: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(devicesWire, "GET", "/v1/devices");
  const lines = value.devices.map(
    ({ id, name, paired_at: at, seen_at: seen }) =>
      `${id}  ${oneLine(name, 40)}  paired ${at.slice(0, 10)}, last seen ${seen.slice(0, 10)}\n`,
  );
  const none = "No devices. deputy pair prints a code for one.\n";
  io.stdout.write(json ? `${JSON.stringify(raw)}\n` : lines.join("") || none);
  return exitCodes.ok;
}

async function revokeDevice(io: CliIo, id: string, { json }: Json): Promise<ExitCode> {
  const path = `/v1/devices/${encodeURIComponent(id)}`;
  const { raw, value } = await connect(io).json(deviceWire, "DELETE", path);
  io.stdout.write(
    json ? `${JSON.stringify(raw)}\n` : `${oneLine(value.name, 40)} (${value.id}) is forgotten.\n`,
  );
  return exitCodes.ok;
}
