import { createWriteStream, type WriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/** Keeps a command's whole output in a file, but only if it is long: most outputs need no file. */
export type Spill = {
  add(chunk: string): void;
  /** Returns whether there is a complete file. */
  close(): Promise<boolean>;
};

const maxChars = 64 * 1024 * 1024;

/** Writes outputs of more than `keep` characters to `path`, up to 64 MiB. */
export function openSpill(path: string, keep: number): Spill {
  let held: string[] = [];
  let chars = 0;
  let failed = false;
  let opening: Promise<WriteStream> | null = null;

  const open = async () => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = createWriteStream(path, { mode: 0o600 });
    file.on("error", () => {
      failed = true; // for example a full disk: the result keeps head and tail
    });
    return file;
  };
  const drain = async () => {
    opening ??= open();
    const file = await opening;
    for (const chunk of held.splice(0)) file.write(chunk);
  };
  return {
    add(chunk) {
      if (chars > maxChars || failed) return;
      chars += chunk.length;
      held.push(chars > maxChars ? `${chunk}\n[the file ends here]\n` : chunk);
      if (chars > keep) {
        drain().catch(() => {
          failed = true;
          held = [];
        });
      }
    },
    async close() {
      if (!opening) return false;
      const file = await opening.catch(() => null); // `failed` is set
      if (!file || failed) return false;
      for (const chunk of held.splice(0)) file.write(chunk);
      await new Promise<void>((resolve) => {
        file.once("error", () => resolve());
        file.end(() => resolve());
      });
      return !failed;
    },
  };
}
