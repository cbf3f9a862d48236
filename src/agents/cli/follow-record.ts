import type { FileHandle } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import { openFile } from "../../sandbox/files/open-folder.ts";
import type { Cli, Said } from "./cli.ts";
import { homeOf } from "./make-home.ts";
import { readLine } from "./read-line.ts";
import { splitLines } from "./split-lines.ts";

/**
 * Follows the file in which a program logs its work. The agent can write the file, so it is
 * untrusted data: only a plain file in the session's folder is opened, without following links, and
 * each read is limited. What it says may end a run early; the charge is what the program's own
 * output reports at the end. Content from before the process is skipped.
 */
export type RecordFollower = {
  /** Sets the session that the program works in. */
  begin(session: string): void;
  /** Reads new lines soon. */
  look(): void;
  /** Call when the program has ended; resolves when the rest has been read. */
  close(): Promise<void>;
};

/** Interval between reads that the program's output does not trigger. */
const lookMs = 250;
const maxBytesAtOnce = 4 * 1024 * 1024;
/** A longer line holds the output of a tool, not usage. */
const maxLineChars = 1024 * 1024;

export async function followRecord(
  record: NonNullable<Cli["record"]>,
  { sessionFolder, model }: { sessionFolder: string; model: string },
  resume: string | null,
  hear: (said: Said) => void,
): Promise<RecordFollower> {
  const read = record.makeReader(model);
  const lines = splitLines((line) => {
    for (const said of readLine(read, line)) hear(said);
  }, maxLineChars);
  const decoder = new StringDecoder("utf8");
  const buffer = Buffer.alloc(64 * 1024);
  const openRecord = async (id: string) => {
    const path = await record.find(homeOf(sessionFolder), id);
    return path === null ? null : openInside(homeOf(sessionFolder), path);
  };

  let session = resume;
  let wanted = resume;
  let file = resume === null ? null : await openRecord(resume);
  let position = file ? (await file.stat()).size : 0;
  let running: Promise<void> | null = null;
  let isDue = false;

  const readOn = async () => {
    if (wanted !== session) {
      // A new session, or another one than was to be resumed.
      await file?.close();
      [session, file, position] = [wanted, null, 0];
    }
    if (session === null) return;
    file ??= await openRecord(session);
    for (let sum = 0; file && sum < maxBytesAtOnce; ) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) return;
      sum += bytesRead;
      position += bytesRead;
      lines.add(decoder.write(buffer.subarray(0, bytesRead)));
    }
  };
  // A failed read is repeated at the next look; if all fail, the output reports usage at the end.
  const tryToRead = () => readOn().catch(() => {});
  const run = async () => {
    await tryToRead();
    running = null;
    if (isDue) look();
  };
  const look = () => {
    isDue = running !== null;
    running ??= run();
  };
  const clock = setInterval(look, lookMs);
  return {
    begin: (id) => {
      wanted = id;
    },
    look,
    close: async () => {
      clearInterval(clock);
      while (running) {
        isDue = false;
        await running;
      }
      await tryToRead();
      await file?.close();
    },
  };
}

/** Opens a regular file in `root`; null: there is none, or the path leads over a link. */
async function openInside(root: string, path: string): Promise<FileHandle | null> {
  const file = await openFile(root, path).catch(() => null); // missing or unreadable
  if (file === null || (await file.stat()).isFile()) return file;
  await file.close();
  return null;
}
