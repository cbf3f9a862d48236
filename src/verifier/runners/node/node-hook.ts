import type { CheckText, Naming, ReportPlace } from "../runner.ts";
import { nodeHookSource, nodeShimSource, vitestReporterSource } from "./node-hook-source.ts";

/**
 * Makes every runner on Node name its tests. The command stays the same, but each Node process that
 * it starts loads our module first. All runners use the same module, so a check that starts several
 * has one naming. A script that sets NODE_OPTIONS itself would lose the module; there our own
 * `node` comes first on the PATH and adds it again.
 */
export function nameByNodeHook({ command, texts }: CheckText, { folder }: ReportPlace): Naming {
  const hook = `--require ${quote(`${folder}/${hookName}`)}`;
  const files = [
    { name: hookName, text: nodeHookSource },
    { name: "vitest-reporter.mjs", text: vitestReporterSource },
  ];
  const naming = { env: { NODE_OPTIONS: hook }, files, reports: ["tests-*.jsonl"] };
  if (!/\bNODE_OPTIONS\b/.test(texts)) return { command, ...naming };
  const shim = "DEPUTY_NODE=$(command -v node)";
  return {
    ...naming,
    // A second runner of the same check does not add it again.
    command: command.includes(shim)
      ? command
      : `chmod +x "$DEPUTY_REPORTS/node"; ${shim}; PATH="$DEPUTY_REPORTS:$PATH"; export DEPUTY_NODE PATH\n${command}`,
    env: { ...naming.env, DEPUTY_REPORTS: folder, DEPUTY_NODE_OPTIONS: hook },
    files: [...files, { name: "node", text: nodeShimSource }],
  };
}

const hookName = "name-tests.cjs";

/** NODE_OPTIONS has its own quoting. */
function quote(path: string): string {
  return `"${path.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
