import { execFileSync } from "node:child_process";
import type { Files } from "../repository.ts";

/**
 * Writes a project and its changes as commits, all by one git process: the corpus has hundreds of
 * them. Each change lies on top of the project, on a branch of its own.
 */
export function writeHistory(
  repository: string,
  base: Files,
  changes: ReadonlyMap<string, Files>,
): ReadonlyMap<string, string> {
  const names = ["base", ...changes.keys()];
  const stream = [
    commandsOf(1, base, null),
    ...[...changes.values()].map((files, index) => commandsOf(index + 2, files, 1)),
  ];
  const git = (args: string[], input = "") =>
    execFileSync("git", args, { cwd: repository, input, encoding: "utf8" });
  git(["fast-import", "--quiet", "--force"], `${stream.join("")}done\n`);
  const shown = git(["for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads/"]);
  const commits = new Map(
    shown
      .trim()
      .split("\n")
      .map((line) => line.split(" ") as [string, string]),
  );
  return new Map(names.map((name, index) => [name, commits.get(`c${index + 1}`) ?? ""]));
}

function commandsOf(mark: number, files: Files, parent: number | null): string {
  const who = "T <t@localhost> 1700000000 +0000";
  const paths = Object.entries(files).map(([path, content]) => {
    if (content === null) return parent === null ? "" : `D ${path}\n`;
    const [mode, text] =
      typeof content === "string" ? ["100755", content] : ["120000", content.link];
    return `M ${mode} inline ${path}\n${dataOf(text)}`;
  });
  return [
    `commit refs/heads/c${mark}\nmark :${mark}\ncommitter ${who}\n`,
    dataOf(`change ${mark}`),
    parent === null ? "" : `from :${parent}\n`,
    ...paths,
    "\n",
  ].join("");
}

function dataOf(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}
