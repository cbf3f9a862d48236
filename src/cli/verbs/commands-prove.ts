import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import type { ProofLevel } from "../../core/proof/proof.ts";
import type { Actions } from "../actions.ts";
import { connect, taskPath } from "../client.ts";
import { chooseRepository, findCheckout } from "../find-repository.ts";
import { CliError, type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { readTextFile } from "../read-input.ts";
import type { Json } from "./commands-look.ts";

/** `deputy prove`: reads the receipt from a file or from the daemon and runs the proof. */
export type ProveVerb = Json & { repository?: string; proof?: ProofLevel };

export async function proveTask(
  io: CliIo,
  actions: Pick<Actions, "prove">,
  id: string,
  { json, proof, repository }: ProveVerb,
): Promise<ExitCode> {
  const receipt = isFile(id, io.cwd) ? await readReceipt(id, io.cwd) : await askForReceipt(io, id);
  return actions.prove({
    json: json === true,
    receipt,
    repository: repository === undefined ? null : chooseRepository(repository, io.cwd),
    checkout: findCheckout(io.cwd),
    level: proof ?? null,
  });
}

function isFile(id: string, cwd: string): boolean {
  return /[/.]/.test(id) || existsSync(resolve(cwd, id));
}

async function readReceipt(path: string, cwd: string): Promise<unknown> {
  const text = await readTextFile(path, cwd);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new CliError(exitCodes.usage, `${path} is not valid JSON: ${(error as Error).message}.`);
  }
}

async function askForReceipt(io: CliIo, id: string): Promise<unknown> {
  const path = taskPath(id, "/receipt?format=json");
  return (await connect(io).json(z.unknown(), "GET", path)).raw;
}
