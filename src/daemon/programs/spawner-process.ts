import { serveSpawner } from "../../sandbox/process/spawner.ts";
import { answerProgram } from "./programs.ts";

/** The program of the spawner: see programs.ts. */
serveSpawner(answerProgram);
