import { type BubblewrapOptions, openBubblewrap } from "./bubblewrap.ts";
import { noSandbox, type Sandbox } from "./sandbox.ts";
import { openSandboxRuntime } from "./sandbox-runtime.ts";

/**
 * Find out once, by really running a command, which sandbox there is. `auto` takes the first that
 * works; one that was named is that one or none: a person who asked for it shall hear that it does
 * not work instead of getting another.
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
