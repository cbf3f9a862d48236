import { z } from "zod";
import { readTextFile, writeTextFile } from "./contain-path.ts";
import { nearMiss } from "./near-miss.ts";
import { findPlace, hasChangedSince, type Place, rememberFile } from "./place.ts";
import { defineTool, type Tool, ToolProblem } from "./tool.ts";

/**
 * Replaces one exact piece of a file. The piece must occur exactly once, so a file that changed
 * since it was read is never edited by guess. Without a match the answer shows the nearest lines.
 */
export function makeEditTool(place: Place): Tool {
  return defineTool({
    name: "edit",
    effect: "changes",
    description:
      "Replace a piece of a text file. old_text must be in it exactly once, character for character, without read's line numbers.",
    input: z.strictObject({
      path: z.string().min(1),
      old_text: z.string().min(1),
      new_text: z.string(),
    }),
    about: ({ path }) => path,
    async run({ path, old_text, new_text }) {
      const spot = await findPlace(place, path);
      const text = await readTextFile(spot, path);
      if (old_text === new_text) throw new ToolProblem("old_text and new_text are the same");
      const note = (await hasChangedSince(place, spot))
        ? ` ${path} has changed since you last read it.`
        : "";
      const { at, before, after } = findOnce(text, old_text, new_text, path, note);
      await writeTextFile(spot, text.slice(0, at) + after + text.slice(at + before.length));
      // Not remembered after an outside change, so that the next edit still warns of unread text.
      if (note === "") await rememberFile(place, spot);
      const words = `Edited ${path} at line ${lineOf(text, at)}.${note}`;
      return { ok: true, text: words, changed: [spot.path] };
    },
  });
}

function findOnce(text: string, oldText: string, newText: string, path: string, note: string) {
  let [before, after] = [oldText, newText];
  if (!text.includes(before) && text.includes("\r\n") && !before.includes("\r")) {
    // Models write \n; a file with Windows line endings keeps them.
    before = before.replaceAll("\n", "\r\n");
    after = after.replaceAll("\r\n", "\n").replaceAll("\n", "\r\n");
  }
  const at = text.indexOf(before);
  if (at < 0)
    throw new ToolProblem(`old_text is not in ${path}.${note} ${nearMiss(text, oldText)}`);
  const lines: number[] = [];
  for (let next = at; next >= 0 && lines.length < 20; next = text.indexOf(before, next + 1)) {
    lines.push(lineOf(text, next));
  }
  if (lines.length > 1) {
    throw new ToolProblem(
      `old_text is in ${path} ${lines.length} times, at lines ${lines.join(", ")}; take in more lines around the one you mean`,
    );
  }
  return { at, before, after };
}

function lineOf(text: string, at: number): number {
  return text.slice(0, at).split("\n").length;
}
