import { type BubblewrapOptions, openBubblewrap } from "./bubblewrap.ts";
import { noSandbox, type Sandbox } from "./sandbox.ts";
import { openSandboxRuntime } from "./sandbox-runtime.ts";

/**
 * Finds out once, by running a command, which sandbox works. `auto` takes the first that does. A
 * named one has no substitute: the person who chose it must learn that it does not work.
 */
export type SandboxChoice = "auto" | "bubblewrap" | "sandbox-runtime" | "none";

export async function openSandbox(
  options: BubblewrapOptions & { wanted: SandboxChoice },
): Promise<Sandbox> {
  const { wanted } = options;
  if (wanted === "none") return noSandbox("it is switched off by the configuration");
  if (process.platform !== "linux") return noSandbox("sandboxes need Linux");
  const problems: string[] = [];
  for (const { name, open } of providers) {
    if (wanted !== "auto" && wanted !== name) continue;
    const opened = await open(options);
    if (typeof opened !== "string") return opened;
    problems.push(opened);
  }
  return noSandbox(problems.join("; "));
}

const providers = [
  { name: "bubblewrap", open: openBubblewrap },
  { name: "sandbox-runtime", open: openSandboxRuntime },
] as const;
