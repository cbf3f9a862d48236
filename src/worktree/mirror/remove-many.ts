import { runCommand } from "../../sandbox/process/run-command.ts";
import type { LimitView } from "../git/git-view.ts";

/**
 * Deletes what `rm` can of a folder, where nothing else is seen: whatever an agent's processes put in its
 * way, it leads nowhere. Folders that may not be written, and the folder itself, stay.
 */
export async function removeMany(limitView: LimitView, path: string): Promise<void> {
  const env = { PATH: "/usr/bin:/bin", LC_ALL: "C" };
  const view = { cwd: path, env, readOnly: [], writable: [path] };
  const [program = "rm", ...args] = await limitView(["rm", "-rf", "--", path], view);
  await runCommand({ argv: [program, ...args], cwd: "/", env, timeoutMs: 10 * 60_000 });
}
