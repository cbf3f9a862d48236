import { nodeHookSource, nodeShimSource, vitestReporterSource } from "./node-hook-source.ts";
import type { CheckText, Naming, ReportPlace } from "./runner.ts";

/**
 * How every runner on Node is made to name its tests: the command stays as it is, and each Node
 * process that it starts loads a module of ours first. The same for all of them, so that namings of
 * a check that starts several runners are one. A script that sets NODE_OPTIONS itself would lose
 * that module: there a `node` of ours stands in front on the PATH, which adds it again.
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
    // A second runner of the same check does it no second time.
    command: command.includes(shim)
      ? command
      : `chmod +x "$DEPUTY_REPORTS/node"; ${shim}; PATH="$DEPUTY_REPORTS:$PATH"; export DEPUTY_NODE PATH\n${command}`,
    env: { ...naming.env, DEPUTY_REPORTS: folder, DEPUTY_NODE_OPTIONS: hook },
    files: [...files, { name: "node", text: nodeShimSource }],
  };
}

const hookName = "name-tests.cjs";

/** NODE_OPTIONS has its own quotes. */
function quote(path: string): string {
  return `"${path.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
