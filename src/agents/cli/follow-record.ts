import type { FileHandle } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import { openFile } from "../../sandbox/open-folder.ts";
import type { Cli, Said } from "./cli.ts";
import { homeOf } from "./make-home.ts";
import { readLine } from "./read-line.ts";
import { splitLines } from "./split-lines.ts";

/**
 * Reads along in the file in which a program writes down what it does. The file lies where the agent
 * can write, so it is data: only a plain file of the session's folder is opened, to which no link
 * leads; a look reads so much and no more; and what it says may end a run early, while what the
 * program's own output says at the end is what is charged. What was there before the process is
 * passed over.
 */
export type RecordFollower = {
  /** The session that the program says it works in. */
  begin(session: string): void;
  /** There may be news. */
  look(): void;
  /** The program has ended: the rest is heard when it resolves. */
  close(): Promise<void>;
};

/** Between looks, where nothing that the program says asks for one. */
const lookMs = 250;
const maxBytesAtOnce = 4 * 1024 * 1024;
/** A longer line holds the output of a tool, and no numbers. */
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
      // A new one, or another than was to be gone on with.
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
  // What cannot be read now may be at the next look; if not, the program's output says it at the end.
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

/** A regular file at this very place in `root`; null: there is none, or a link leads to it. */
async function openInside(root: string, path: string): Promise<FileHandle | null> {
  const file = await openFile(root, path).catch(() => null); // not there, or not to be read
  if (file === null || (await file.stat()).isFile()) return file;
  await file.close();
  return null;
}
