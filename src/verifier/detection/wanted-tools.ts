import type { WantedTool, WantedTools } from "../../core/settings/wanted-tool.ts";
import { readToml } from "../dependencies/toml-entries.ts";
import type { RepositoryFiles } from "./found.ts";

/**
 * Reads which versions of tools the base commit asks for, from the files of mise, asdf, nvm, pyenv,
 * rbenv and rustup. Of several files for a tool the first one here counts. Only tool versions are
 * read: no variables, hooks or tasks. A version is a text that is compared with the installed ones,
 * so whatever else it says is "not installed". Pure except for `read`.
 */
const ofMise = [
  ...["mise.toml", ".mise.toml", "mise/config.toml", ".mise/config.toml"],
  ...[".config/mise.toml", ".config/mise/config.toml"],
];
const ofOne: readonly (readonly [file: string, tool: string])[] = [
  [".nvmrc", "node"],
  [".node-version", "node"],
  [".python-version", "python"],
  [".ruby-version", "ruby"],
  [".go-version", "go"],
];
/** asdf's names of what mise names otherwise. */
const asdfNames: ReadonlyMap<string, string> = new Map([
  ["nodejs", "node"],
  ["golang", "go"],
]);
/** More are no list of tools. */
const maxTools = 100;

export async function readWantedTools({
  files,
  read,
}: Pick<RepositoryFiles, "files" | "read">): Promise<WantedTools> {
  const found = new Map<string, WantedTool>();
  const add = (told: string, version: string, by: string) => {
    const name = asdfNames.get(told) ?? told;
    const isRead = /^[\w:@/.-]{1,80}$/.test(name) && /^[!-~]{1,60}$/.test(version);
    if (!isRead || version === "system" || found.has(name) || found.size >= maxTools) return;
    found.set(name, { name, version, by });
  };
  const textOf = async (path: string) => (files.has(path) ? ((await read(path)) ?? "") : "");
  for (const file of ofMise)
    for (const [name, version] of readMise(await textOf(file))) add(name, version, file);
  for (const line of linesOf(await textOf(".tool-versions"))) {
    const [name = "", version = ""] = line.split(/\s+/);
    add(name, version, ".tool-versions");
  }
  for (const [file, tool] of ofOne) {
    const [version] = linesOf(await textOf(file));
    if (version !== undefined) add(tool, version, file);
  }
  for (const file of ["rust-toolchain.toml", "rust-toolchain"]) {
    const text = await textOf(file);
    const channel = readToml(text).find(({ key, section }) => `${section}.${key}` === toolchainKey);
    const version = channel ? firstWord(channel.value) : linesOf(text)[0];
    if (version !== undefined) add("rust", version, file);
  }
  return { versions: [...found.values()], usesMise: ofMise.some((file) => files.has(file)) };
}

const toolchainKey = "toolchain.channel";

/** What direnv would load, as a note; empty: there is nothing. */
export function noteEnvrc(files: ReadonlySet<string>): string[] {
  if (!files.has(".envrc")) return [];
  return [
    ".envrc is not loaded: agents, setup and checks do not have its variables. Tool versions belong in mise.toml or .tool-versions, files in .worktreeinclude, commands under `setup` in .deputy/config.yaml.",
  ];
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.replace(/#.*$/, "").trim())
    .filter((line) => line !== "");
}

/** `node = "22"`, `python = ["3.12", "3.11"]` and `go = {version = "1.22"}` of the table `tools`. */
function readMise(text: string): [name: string, version: string][] {
  return readToml(text).flatMap(({ key, section, value }): [string, string][] => {
    const isOfOne = section.startsWith("tools.") && key === "version";
    if (!isOfOne && (section !== "tools" || key === "")) return [];
    const version = firstWord(value.replace(/^\{(?:.*?[{,\s])?version\s*=\s*/s, ""));
    return version === undefined ? [] : [[isOfOne ? section.slice(6) : key, version]];
  });
}

/** The first value of a string or a list. */
function firstWord(value: string): string | undefined {
  return /^[[\s]*["']?([^"',[\]{}\s]+)/.exec(value)?.[1];
}
