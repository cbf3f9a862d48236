import { join } from "node:path";
import { openGit } from "../git/git.ts";

/** Makes a folder a git repository with one commit of its content, on the branch `main`. */
export async function commitAll(folder: string, message: string): Promise<void> {
  const git = openGit({ gitDir: join(folder, ".git"), workTree: folder, mode: "hermetic" });
  await git.run(["init", "--quiet", "--initial-branch=main"]);
  await git.run(["config", "core.bare", "false"]);
  await git.run(["add", "--all"]);
  await git.run(["commit", "--quiet", "--message", message]);
}
