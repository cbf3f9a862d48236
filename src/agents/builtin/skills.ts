import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { cutText } from "../../core/text/clean-text.ts";
import { withFolder } from "../../sandbox/files/open-folder.ts";
import { readHead } from "./read-text.ts";
import { containPath } from "./tools/contain-path.ts";

/**
 * Skills: instructions in files that are read only when needed. The prompt names each in a line;
 * the tool `skill` returns the body. The repository's skills come first and win over ours of the
 * same name.
 */
export type Skill = { name: string; description: string; root: string; path: string };

const ownFolder = fileURLToPath(new URL("../../../skills/", import.meta.url));
const repositoryFolders = [".agents/skills", ".claude/skills"];
/** Per place. */
const maxFolders = 200;
const maxListed = 24;
const maxListChars = 3_000;
const maxDescriptionChars = 240;
const maxFrontMatterBytes = 4 * 1024;
const maxBodyBytes = 32 * 1024;

/** Returns all skills; `worktree` null: without the repository's. */
export async function findSkills(worktree: string | null): Promise<Skill[]> {
  const places = [
    ...(worktree === null ? [] : repositoryFolders.map((folder) => ({ root: worktree, folder }))),
    { root: ownFolder, folder: "." },
  ];
  const found = await Promise.all(
    places.map(async ({ root, folder }) => {
      const names = await listFolder(root, folder).catch(() => []); // most repositories have none
      const skills = await Promise.all(
        names
          .sort()
          .slice(0, maxFolders)
          .map((name) => readSkill(root, join(folder, name, "SKILL.md"))),
      );
      return skills.filter((skill) => skill !== null);
    }),
  );
  const byName = new Map<string, Skill>();
  for (const skill of found.flat()) {
    if (!byName.has(skill.name)) byName.set(skill.name, skill);
  }
  return [...byName.values()];
}

async function listFolder(root: string, folder: string): Promise<string[]> {
  const spot = await containPath(root, folder);
  return withFolder(spot.root, spot.path, ({ path }) => readdir(path, { encoding: "utf8" }));
}

/** Our own skills for people's agents, such as how to delegate, are not for a delegated agent. */
const matterSchema = z.object({
  name: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    .max(64),
  description: z.string().trim().min(1),
  metadata: z.object({ for: z.string() }).optional().catch(undefined),
});

async function readSkill(root: string, path: string): Promise<Skill | null> {
  const head = await readHead(root, path, maxFrontMatterBytes).catch(() => null); // no such folder
  const [, matter] = /^---\r?\n([\s\S]*?)\r?\n---(?:\r?\n|$)/.exec(head?.text ?? "") ?? [];
  if (matter === undefined) return null;
  try {
    const { name, description, metadata } = matterSchema.parse(parse(matter));
    if (root === ownFolder && metadata?.for !== "coder") return null;
    const words = cutText(description.replace(/\s+/g, " "), maxDescriptionChars);
    return { name, description: words, root, path };
  } catch {
    return null; // an invalid skill must not fail the task
  }
}

/** Returns the section of the system prompt; empty if there are no skills. */
export function listSkills(skills: readonly Skill[]): string {
  if (skills.length === 0) return "";
  const lines: string[] = [];
  let chars = 0;
  for (const { name, description } of skills) {
    const line = `- ${name}: ${description}`;
    chars += line.length;
    if (chars > maxListChars || lines.length >= maxListed) break;
    lines.push(line);
  }
  const more = skills.length - lines.length;
  const rest = more > 0 ? `\n[${more} more not listed]` : "";
  return `# Skills (read one with the tool skill when it fits)\n\n${lines.join("\n")}${rest}`;
}

/** Returns the body and the place of the skill's other files, or null if the file is gone. */
export async function readSkillBody({ root, path }: Skill): Promise<string | null> {
  const found = await readHead(root, path, maxBodyBytes);
  if (!found) return null;
  const body = found.text.replace(/^---\r?\n[\s\S]*?\r?\n---\r?\n/, "").trim();
  const place = root === ownFolder ? "" : `\n[files that it names are in ${dirname(path)}/]`;
  return `${body}${found.cut ? "\n[cut after 32 KiB]" : ""}${place}`;
}
