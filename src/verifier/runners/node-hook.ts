import { nodeHookSource, vitestReporterSource } from "./node-hook-source.ts";
import type { Naming, ReportPlace } from "./runner.ts";

/**
 * How every runner on Node is made to name its tests: the command stays as it is, and each Node
 * process that it starts loads a module of ours first. The same for all of them, so that namings of
 * a check that starts several runners are one.
 */
export function nameByNodeHook(command: string, place: ReportPlace): Naming {
  return {
    command,
    env: { NODE_OPTIONS: `--require ${quote(`${place.folder}/${hookName}`)}` },
    files: [
      { name: hookName, text: nodeHookSource },
      { name: "vitest-reporter.mjs", text: vitestReporterSource },
    ],
    reports: ["tests-*.jsonl"],
  };
}

const hookName = "name-tests.cjs";

/** NODE_OPTIONS has its own quotes. */
function quote(path: string): string {
  return `"${path.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
