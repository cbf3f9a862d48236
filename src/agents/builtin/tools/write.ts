import { z } from "zod";
import { lookAt, writeTextFile } from "./contain-path.ts";
import { findPlace, hasChangedSince, type Place, rememberFile } from "./place.ts";
import { defineTool, type Tool, ToolProblem } from "./tool.ts";

/** Writes a whole file, new or replacing an old one. */
export function makeWriteTool(place: Place): Tool {
  return defineTool({
    name: "write",
    effect: "changes",
    description: "Create or replace a whole text file. To change a part use edit.",
    input: z.strictObject({
      path: z.string().min(1),
      content: z.string(),
    }),
    about: ({ path }) => path,
    async run({ path, content }) {
      const spot = await findPlace(place, path);
      const there = await lookAt(spot); // missing is the usual case
      if (there?.isDirectory()) throw new ToolProblem(`"${path}" is a folder`);
      if (there && !there.isFile()) throw new ToolProblem(`"${path}" is no regular file`);
      const changed = there !== null && (await hasChangedSince(place, spot));
      await writeTextFile(spot, content);
      await rememberFile(place, spot);
      const lines = content.split("\n").length - (content.endsWith("\n") ? 1 : 0);
      return {
        ok: true,
        text: `${there ? "Replaced" : "Created"} ${path} (${lines} lines).${changed ? changedNote : ""}`,
        changed: [spot.path],
      };
    },
  });
}

const changedNote = " It had changed since you last read it; what was new in it is gone.";
