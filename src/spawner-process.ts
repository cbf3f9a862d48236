import { answerProgram } from "./programs.ts";
import { serveSpawner } from "./sandbox/spawner.ts";

/** The program of the spawner: see programs.ts. */
serveSpawner(answerProgram);
