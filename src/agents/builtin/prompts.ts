import { readFile } from "node:fs/promises";

/** The package's prompts folder; the same distance from `src/agents/builtin` and `dist/agents/builtin`. */
const promptsFolder = new URL("../../../prompts/", import.meta.url);

/** Ours for this mode, then each section that is not empty. */
export async function writeSystemPrompt(
  mode: "write" | "read_only",
  sections: readonly string[],
): Promise<string> {
  const prompt = await readPrompt(mode === "write" ? "coder.md" : "reader.md");
  return [prompt, ...sections].filter((section) => section !== "").join("\n\n");
}

/** What the model is asked for before its context is full. */
export function compactionRequest(): Promise<string> {
  return readPrompt("compaction.md");
}

async function readPrompt(name: string): Promise<string> {
  return (await readFile(new URL(name, promptsFolder), "utf8")).trim();
}
