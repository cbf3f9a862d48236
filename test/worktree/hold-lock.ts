/** Run as a program of its own: takes the lock, says so, and holds it until it is killed. */
import { withRepositoryLock } from "../../src/worktree/repository-lock.ts";

const [path = ""] = process.argv.slice(2);
await withRepositoryLock(path, async () => {
  process.stdout.write("held\n");
  await new Promise((resolve) => setTimeout(resolve, 600_000));
});
