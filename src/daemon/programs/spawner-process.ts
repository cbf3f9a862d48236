import { serveSpawner } from "../../sandbox/process/spawner.ts";
import { answerProgram } from "./programs.ts";

/** The spawner's program; see programs.ts. */
serveSpawner(answerProgram);
