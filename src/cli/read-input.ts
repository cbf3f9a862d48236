import { isUtf8 } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { maxGoalLength } from "../core/task/task.ts";
import { CliError, type CliIo, exitCodes } from "./io.ts";

/**
 * A command's input besides its arguments: files and stdin, as UTF-8 text up to a limit. Input that
 * is too large or broken is refused here, in the user's terms, before anything is sent.
 */
const maxFileCharacters = 1_000_000;

/** The argument, or all of stdin if it is `-`. */
export async function readGoal(argument: string, io: Pick<CliIo, "stdin">): Promise<string> {
  if (argument !== "-") return argument;
  const bytes = await readAll(io.stdin, maxGoalLength * 4, "stdin");
  const goal = decode(bytes, "stdin", maxGoalLength).trim();
  if (goal === "") throw refuse("The text on stdin is empty.");
  return goal;
}

/** The rest of a line as one text, so that nobody has to quote it; a lone `-` reads stdin. */
export function readWords(words: readonly string[], io: Pick<CliIo, "stdin">): Promise<string> {
  return readGoal(words.join(" "), io);
}

export async function readTextFile(path: string, cwd: string): Promise<string> {
  const full = resolve(cwd, path);
  let file: FileHandle;
  try {
    file = await open(full, "r");
  } catch (error) {
    throw refuse(`${path} cannot be read: ${explain(error as NodeJS.ErrnoException)}.`);
  }
  try {
    if ((await file.stat()).isDirectory()) throw refuse(`${path} is a folder, not a file.`);
    const stream = file.createReadStream({ autoClose: false });
    return decode(await readAll(stream, maxFileCharacters * 4, path), path, maxFileCharacters);
  } finally {
    await file.close();
  }
}

/** Attachments by file name; a second one of the same name would replace the first. */
export async function readAttachments(
  paths: readonly string[],
  cwd: string,
): Promise<{ name: string; content: string }[]> {
  const names = new Set<string>();
  const attachments: { name: string; content: string }[] = [];
  for (const path of paths) {
    const name = basename(path);
    if (names.has(name)) throw refuse(`Two attachments are named ${name}; rename one.`);
    names.add(name);
    attachments.push({ name, content: await readTextFile(path, cwd) });
  }
  return attachments;
}

async function readAll(
  stream: AsyncIterable<Buffer | string>,
  maxBytes: number,
  name: string,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > maxBytes) throw refuse(`${name} is too large: at most ${maxBytes} bytes.`);
    chunks.push(buffer);
  }
  return Buffer.concat(chunks);
}

function decode(bytes: Buffer, name: string, maxCharacters: number): string {
  if (!isUtf8(bytes)) throw refuse(`${name} is not valid UTF-8 text.`);
  const text = bytes.toString("utf8");
  if (text.length > maxCharacters) {
    throw refuse(`${name} is too long: at most ${maxCharacters} characters.`);
  }
  return text;
}

function explain({ code, message }: NodeJS.ErrnoException): string {
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES") return "permission denied";
  return message;
}

function refuse(message: string): CliError {
  return new CliError(exitCodes.usage, message);
}
