import { readFile } from "node:fs/promises";

/** The package's prompts folder; the same distance from `src/agents/builtin` and `dist/agents/builtin`. */
const promptsFolder = new URL("../../../prompts/", import.meta.url);

/** Joins the prompt of this mode and each section that is not empty. */
export async function writeSystemPrompt(
  mode: "write" | "read_only",
  sections: readonly string[],
): Promise<string> {
  const prompt = await readPrompt(mode === "write" ? "coder.md" : "reader.md");
  return [prompt, ...sections].filter((section) => section !== "").join("\n\n");
}

/** The prompt that asks for a summary before the context is full. */
export function compactionRequest(): Promise<string> {
  return readPrompt("compaction.md");
}

async function readPrompt(name: string): Promise<string> {
  return (await readFile(new URL(name, promptsFolder), "utf8")).trim();
}
