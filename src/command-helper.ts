import { serveHelper } from "./sandbox/helper-process.ts";
import { answerCommand } from "./sandbox/run-command-beside.ts";

/** The program of the command helper: see programs-beside.ts. */
serveHelper(answerCommand);
