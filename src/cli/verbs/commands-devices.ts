import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { devicesWire, deviceWire, pairingStateWire, pairingWire } from "../../api/session.ts";
import type { Machine } from "../actions.ts";
import { connect } from "../client.ts";
import { findDaemon } from "../connection.ts";
import { CliError, type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { oneLine } from "../render/text.ts";
import type { Json } from "./commands-look.ts";

/** The verbs for browsers and phones that are let in: open, pair, and devices ls, change, revoke. */
export function addDeviceVerbs(
  program: Command,
  io: CliIo,
  machine: Machine,
  end: (work: Promise<ExitCode>) => Promise<void>,
): void {
  program
    .command("open")
    .description("open Deputy's page in this machine's browser, signed in")
    .option("--print", "print the address instead; it works once")
    .option("--json", "print JSON for programs")
    .action((options: OpenOptions) => end(openPage(io, machine, options)));
  program
    .command("pair")
    .description("print a code and an address that let one phone or browser in")
    .option("--view", "it may look, and change nothing")
    .option("--json", "print JSON for programs")
    .action((options: PairOptions) => end(pairDevice(io, machine, options)));
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

type OpenOptions = Json & { print?: boolean };

/** How long the browser may take to come, after which the address is printed. */
const patienceMs = 20_000;

async function openPage(
  io: CliIo,
  machine: Machine,
  { json, print }: OpenOptions,
): Promise<ExitCode> {
  const client = connect(io);
  const body = { scope: "act" };
  const { value } = await client.json(pairingWire, "POST", "/v1/pairing", { body });
  const address = findDaemon(io.env).url + value.link;
  if (json) {
    io.stdout.write(`${JSON.stringify({ address, expires_at: value.expires_at })}\n`);
    return exitCodes.ok;
  }
  const opened = print ? null : await machine.openBrowser(address);
  const isUsed = async () =>
    (await client.json(pairingStateWire, "GET", "/v1/pairing")).value.expires_at === null;
  if (opened) {
    try {
      for (const until = Date.now() + patienceMs; Date.now() < until; await sleep(200))
        if (await isUsed()) {
          io.stdout.write("The page is open in your browser, signed in.\n");
          return exitCodes.ok;
        }
    } finally {
      await opened.remove();
    }
  }
  const why = print ? "" : opened ? "No browser came. " : "There is no browser here. ";
  io.stdout.write(`${why}Open this on this machine; it works once:\n${address}\n`);
  return exitCodes.ok;
}

async function pairDevice(
  io: CliIo,
  machine: Machine,
  { json, view }: PairOptions,
): Promise<ExitCode> {
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
  if (url !== null && io.stdout.isTTY) lines.push(await machine.drawQr(url));
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
