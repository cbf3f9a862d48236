import type { Sandbox } from "../sandbox/box/sandbox.ts";
import type { SandboxSettings } from "./sandbox-settings.ts";

/**
 * A sentence for each part of the sandbox's configuration that this machine's sandbox does not
 * enforce: what is degraded, and what to do. For the start and for `doctor`. Pure.
 */
export function findSandboxProblems(
  settings: SandboxSettings,
  { provider }: Pick<Sandbox, "provider">,
): string[] {
  switch (provider) {
    case "bubblewrap":
      return [...settings.problems];
    case "sandbox-runtime":
      return [...settings.problems, ...findOpen(settings)];
    case "none":
      return [
        ...(settings.toBeHeld.length > 0
          ? [
              `Without a sandbox nothing enforces ${settings.toBeHeld.join(", ")} of the configuration: commands can use the machine's whole network, memory and disk.`,
            ]
          : []),
        ...(settings.allowTriggers
          ? [
              "sandbox.allow_triggers takes tasks from triggers without a sandbox: text by outsiders can make commands run as the daemon's user.",
            ]
          : []),
      ];
  }
}

function findOpen({ places }: SandboxSettings): string[] {
  return places().flatMap(({ networks, where }) => {
    const roles = Object.entries(networks).flatMap(([role, reach]) =>
      reach === "open" ? [role] : [],
    );
    return roles.length === 0
      ? []
      : [
          `${where} opens the whole network (${roles.join(", ")}), which sandbox-runtime cannot: those commands do not start. Give them a list of hosts, or use bubblewrap.`,
        ];
  });
}
