import { serveHelper } from "./sandbox/helper-process.ts";
import { runGit } from "./worktree/run-git.ts";

/** The program of the git helper: see programs-beside.ts. */
serveHelper(runGit);
