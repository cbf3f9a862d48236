import { readdir } from "node:fs/promises";
import { z } from "zod";
import { cutText } from "../../../core/text/clean-text.ts";
import { withFolder } from "../../../sandbox/files/open-folder.ts";
import { lookAt, readTextFile, type Spot } from "./contain-path.ts";
import { findReadable, type Place, rememberFile } from "./place.ts";
import { defineTool, type Tool, type ToolAnswer } from "./tool.ts";

const maxLines = 2_000;
const maxChars = 60_000;
const maxLineChars = 2_000;
const maxEntries = 500;

/**
 * Reads a text file or a part of it, or lists a folder. The answer says which limit cut it. Lines
 * carry their numbers, because findings, questions and the next `read` name lines.
 */
export function makeReadTool(place: Place): Tool {
  return defineTool({
    name: "read",
    effect: "reads",
    description:
      "Read a text file, each line after its number and a tab, or list a folder. offset: first line, from 1; limit: number of lines.",
    input: z.strictObject({
      path: z.string().min(1).describe("from the worktree's root"),
      offset: z.int().min(1).optional(),
      limit: z.int().min(1).max(maxLines).optional(),
    }),
    about: ({ path }) => path,
    async run({ path, offset = 1, limit = maxLines }) {
      const spot = await findReadable(place, path);
      const found = await lookAt(spot); // if missing, readTextFile says so
      if (found?.isDirectory()) return listFolder(spot);
      const text = await readTextFile(spot, path);
      await rememberFile(place, spot);
      return showLines(text, offset, limit);
    },
  });
}

async function listFolder({ root, path }: Spot): Promise<ToolAnswer> {
  const found = await withFolder(root, path, (folder) =>
    readdir(folder.path, { withFileTypes: true, encoding: "utf8" }),
  );
  const entries = found
    .filter((entry) => entry.name !== ".git")
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort();
  const more = entries.length - maxEntries;
  const shown = entries.slice(0, maxEntries).join("\n") || "(an empty folder)";
  return { ok: true, text: more > 0 ? `${shown}\n[… ${more} more entries …]` : shown };
}

function showLines(text: string, offset: number, limit: number): ToolAnswer {
  if (text === "") return { ok: true, text: "(an empty file)" };
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  if (offset > lines.length) {
    return { ok: false, text: `Error: the file has only ${lines.length} lines` };
  }
  const shown: string[] = [];
  let chars = 0;
  for (const [at, line] of lines.slice(offset - 1, offset - 1 + limit).entries()) {
    const cut = `${offset + at}\t${cutText(line, maxLineChars)}`;
    if (chars + cut.length > maxChars) break;
    chars += cut.length + 1;
    shown.push(cut);
  }
  const last = offset - 1 + shown.length;
  const part =
    offset > 1 || last < lines.length ? `\n[lines ${offset} to ${last} of ${lines.length}]` : "";
  return { ok: true, text: shown.join("\n") + part };
}
