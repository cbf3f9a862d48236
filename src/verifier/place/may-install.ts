import type { Service } from "../../core/settings/service.ts";
import type { Mirror } from "../../worktree/mirror/open-mirror.ts";
import { openTree } from "../change/tree.ts";
import { followCommands } from "../sides/follow-commands.ts";
import { findShipped } from "../sides/shipped.ts";

/**
 * Whether checks may install something again, by what they lead to on the base: too much counts rather
 * than too little. They have no network, so they need what an earlier installation downloaded.
 */
export async function mayInstall(
  {
    baseCommit,
    mirror,
    services = [],
  }: {
    baseCommit: string;
    mirror: Mirror;
    services?: readonly Service[];
  },
  checks: readonly string[],
): Promise<boolean> {
  const words = services.flatMap(({ ready, run, stop }) => [run, ready, stop]);
  const commands = [...checks, ...words.filter((one) => typeof one === "string")];
  const look = async () => {
    const tree = await openTree(mirror, baseCommit);
    const shipped = await findShipped(tree.files, tree.read);
    return installs.test((await followCommands(commands, tree, shipped)).texts);
  };
  const key = `${mirror.gitDir}\n${baseCommit}\n${JSON.stringify(commands)}`;
  return mirror.reads.read("may-install", key, () => 1, look);
}

/**
 * Programs that install, by themselves or with such a word behind them; yarn alone does, too, and a
 * build of a Python package installs what it is built with.
 */
const installs =
  /\b(?:npx|pnpx|bunx|tox|nox|hatch|pipenv|pip-sync|pip-compile|pyproject-build)\b|\bpython[\d.]*\s[^\n;&|]*-m\s*build\b|\b(?:npm|pnpm|yarn|bun|corepack|pip3?)\b[^\n;&|]*\s(?:i|ci|ic|it|cit|clean-install|install\S*|add|dlx|exec|x|create|init|rebuild|up|update|link|import|fetch|download|wheel)\b|\byarn\s*(?:$|[;&|"'])/m;
