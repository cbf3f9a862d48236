import type { Command } from "commander";
import { devicesWire, deviceWire, pairingWire } from "../../api/session.ts";
import { connect } from "../client.ts";
import { CliError, type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { oneLine } from "../render/text.ts";
import type { Json } from "./commands-look.ts";

/** The verbs for phones and browsers that are let in: pair, and devices ls, change, revoke. */
export function addDeviceVerbs(
  program: Command,
  io: CliIo,
  end: (work: Promise<ExitCode>) => Promise<void>,
): void {
  program
    .command("pair")
    .description("print a code and an address that let one phone or browser in")
    .option("--view", "it may look, and change nothing")
    .option("--json", "print JSON for programs")
    .action((options: PairOptions) => end(pairDevice(io, options)));
  const devices = program.command("devices").description("phones and browsers that were paired");
  devices
    .command("ls")
    .description("list paired devices")
    .option("--json", "print JSON for programs")
    .action((options: Json) => end(listDevices(io, options)));
  devices
    .command("change")
    .description("say what a paired device is called, or what it may")
    .argument("<id>", "its id, as devices ls lists it")
    .option("--name <words>", "what it is called from now on")
    .option("--view", "it may look, and change nothing")
    .option("--act", "it may do all that you may")
    .option("--json", "print JSON for programs")
    .action((id: string, options: ChangeOptions) => end(changeDevice(io, id, options)));
  devices
    .command("revoke")
    .description("forget a paired device: it is signed out at once")
    .argument("<id>", "its id, as devices ls lists it")
    .option("--json", "print JSON for programs")
    .action((id: string, options: Json) => end(revokeDevice(io, id, options)));
}

type PairOptions = Json & { view?: boolean };
type ChangeOptions = Json & { name?: string; view?: boolean; act?: boolean };

async function pairDevice(io: CliIo, { json, view }: PairOptions): Promise<ExitCode> {
  const body = { scope: view ? "view" : "act" };
  const { raw, value } = await connect(io).json(pairingWire, "POST", "/v1/pairing", { body });
  if (json) {
    io.stdout.write(`${JSON.stringify(raw)}\n`);
    return exitCodes.ok;
  }
  const { code, expires_at: until, url } = value;
  const lines = [
    `${code.slice(0, 4)} ${code.slice(4)}`,
    `Type it where the page, or the page of a push, asks for it, before ${until.slice(11, 16)} UTC. Five tries.`,
    url === null
      ? "A phone needs an https address of this daemon: set public_url (docs/phone.md)."
      : `Or open this on the device; it works once: ${url}`,
  ];
  io.stdout.write(`${lines.join("\n")}\n`);
  return exitCodes.ok;
}

async function listDevices(io: CliIo, { json }: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(devicesWire, "GET", "/v1/devices");
  const lines = value.devices.map(
    ({ id, name, paired_at: at, push, scope, seen_at: seen }) =>
      `${id}  ${oneLine(name, 40)}  ${scope}${push ? ", gets pushes" : ""}, paired ${at.slice(0, 10)}, last seen ${seen.slice(0, 10)}\n`,
  );
  const none =
    "No devices. deputy open lets this machine's browser in, deputy pair another device.\n";
  io.stdout.write(json ? `${JSON.stringify(raw)}\n` : lines.join("") || none);
  return exitCodes.ok;
}

async function changeDevice(io: CliIo, id: string, options: ChangeOptions): Promise<ExitCode> {
  const { act, json, name, view } = options;
  if ((act && view) || (!act && !view && name === undefined))
    throw new CliError(exitCodes.usage, "Give a --name, or one of --view and --act.");
  const scope = act ? "act" : view ? "view" : undefined;
  const path = `/v1/devices/${encodeURIComponent(id)}`;
  const { raw, value } = await connect(io).json(deviceWire, "PATCH", path, {
    body: { name, scope },
  });
  const may = value.scope === "view" ? "may look" : "may act";
  io.stdout.write(
    json ? `${JSON.stringify(raw)}\n` : `${oneLine(value.name, 40)} (${value.id}) ${may}.\n`,
  );
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
