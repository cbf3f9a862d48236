import { homedir } from "node:os";
import { resolve } from "node:path";
import { z } from "zod";
import { defaultLimits, type Limits } from "../sandbox/box/sandbox.ts";
import { isHostPattern } from "../sandbox/network/egress-proxy.ts";
import { isMirrorAddress, isPublicAddress } from "../sandbox/network/reachable-address.ts";
import type { Registries } from "../sandbox/network/registries.ts";

/**
 * The networks that commands may reach, as the person who runs the daemon configured them, for all
 * repositories and for single ones. A repository's own files and outside text have no say in it.
 */
const networkSchema = z.union([
  z.enum(["none", "open"]),
  z.array(
    z.string().refine(isHostPattern, {
      error: 'must be a host, like "registry.npmjs.org", "*.example.org" or "example.org:8443"',
    }),
  ),
]);

export const networksSchema = z.strictObject({
  /** For models: the builtin agent's commands, and other agents in addition to their provider. */
  agent: networkSchema.optional(),
  /** For `command:` agents, which a person wrote. */
  command: networkSchema.optional(),
  setup: networkSchema.optional(),
  check: networkSchema.optional(),
});

export const sandboxProviders = ["auto", "bubblewrap", "sandbox-runtime", "none"] as const;
export type SandboxProvider = (typeof sandboxProviders)[number];

export const sandboxSchema = z.strictObject({
  provider: z.enum(sandboxProviders).optional(),
  network: networksSchema.optional(),
  /** Lets allow-lists lead to private addresses too, such as one's own registry. */
  private_addresses: z.boolean().optional(),
  /** Files and folders that every command may read: absolute, or below the home (`~/…`). */
  show: z
    .array(
      z
        .string()
        .regex(/^(?:\/|~\/)/, { error: 'must be an absolute path, or one that begins with "~/"' }),
    )
    .optional(),
  /** Takes tasks from triggers even without a sandbox. */
  allow_triggers: z.boolean().optional(),
  memory_mb: z.number().int().min(64).optional(),
  processes: z.number().int().min(16).optional(),
  file_mb: z.number().int().min(1).optional(),
  disk_mb: z.number().int().min(1).optional(),
});

/** `open`: the machine's own network; a list: these hosts by HTTPS; an empty one: nothing. */
export type Reach = "open" | readonly string[];
export type Networks = Record<"agent" | "command" | "setup" | "check", Reach>;

export type SandboxSettings = {
  provider: SandboxProvider;
  limits: Limits;
  /**
   * Whether a name on a list may lead to this address: a public one; for a registry's name also a
   * private one, where its mirror is; and any one where a person allowed it.
   */
  mayReach(address: string, host: string): boolean;
  /** Variables that tell package managers the user's registries. */
  environment: Readonly<Record<string, string>>;
  /** The same registries as an .npmrc, for scopes. */
  npmrc: string;
  /** A sentence for each of these registries that cannot be reached. */
  problems: readonly string[];
  /** Limits that a person set, by place in the configuration: only a sandbox enforces them. */
  toBeHeld: readonly string[];
  allowTriggers: boolean;
  /** Files and folders that every command may read, besides the system and the tools. */
  show: readonly string[];
  networks(repository: string): Networks;
  /**
   * The hosts that setup may reach: the default list and the hosts that the base commit names, or
   * exactly what a person configured.
   */
  setupReach(repository: string, named: readonly string[]): Reach;
  /** Every combination of networks, and where it is configured. */
  places(): { where: string; networks: Networks }[];
};

/** Package registries: much can be fetched from them, and little sent to them. */
const registries = [
  ...["registry.npmjs.org", "registry.yarnpkg.com", "repo.yarnpkg.com", "npm.jsr.io", "jsr.io"],
  ...["pypi.org", "files.pythonhosted.org"],
  ...["index.crates.io", "static.crates.io"],
  ...["proxy.golang.org", "sum.golang.org"],
  ...["rubygems.org", "index.rubygems.org"],
  ...["packagist.org", "repo.packagist.org"],
  ...["repo.maven.apache.org", "repo1.maven.org", "plugins.gradle.org", "services.gradle.org"],
  ...["api.nuget.org", "repo.hex.pm"],
];

export function readSandbox(
  file: z.infer<typeof sandboxSchema> | undefined,
  repositories: ReadonlyMap<string, z.infer<typeof networksSchema> | undefined>,
  provider: SandboxProvider | null,
  own: Registries,
): SandboxSettings {
  const packages = [...new Set([...registries, ...own.hosts])];
  const defaults: Networks = { agent: [], command: packages, setup: packages, check: [] };
  const everywhere = merge(defaults, file?.network);
  const anywhere = file?.private_addresses ?? false;
  const mirrored = new Set(packages.map((host) => host.replace(/:\d+$/, "")));
  return {
    provider: provider ?? file?.provider ?? "auto",
    limits: {
      ...defaultLimits,
      ...(file?.memory_mb !== undefined && { memoryMb: file.memory_mb }),
      ...(file?.processes !== undefined && { processes: file.processes }),
      ...(file?.file_mb !== undefined && { fileMb: file.file_mb }),
      ...(file?.disk_mb !== undefined && { diskMb: file.disk_mb }),
    },
    mayReach: (address, host) =>
      anywhere || isPublicAddress(address) || (mirrored.has(host) && isMirrorAddress(address)),
    environment: own.environment,
    npmrc: own.npmrc,
    problems: own.problems,
    toBeHeld: [
      ...limiting.flatMap((key) => (file?.[key] === undefined ? [] : [`sandbox.${key}`])),
      ...[...repositories].flatMap(([url, own]) => (own ? [`the network of ${url}`] : [])),
    ],
    allowTriggers: file?.allow_triggers ?? false,
    show: (file?.show ?? []).map((path) => resolve(path.replace(/^~(?=\/)/, homedir()))),
    networks: (repository) => merge(everywhere, repositories.get(repository)),
    setupReach: (repository, named) => {
      const { setup } = merge(everywhere, repositories.get(repository));
      return setup === packages ? [...new Set([...packages, ...named])] : setup;
    },
    places: () => [
      { where: "sandbox.network", networks: everywhere },
      ...[...repositories].map(([url, own]) => ({
        where: `network of the repository ${url}`,
        networks: merge(everywhere, own),
      })),
    ],
  };
}

const limiting = ["network", "memory_mb", "processes", "file_mb", "disk_mb"] as const;

function merge(base: Networks, own: z.infer<typeof networksSchema> | undefined): Networks {
  const one = (name: keyof Networks): Reach => {
    const said = own?.[name];
    return said === undefined ? base[name] : said === "none" ? [] : said;
  };
  return { agent: one("agent"), command: one("command"), setup: one("setup"), check: one("check") };
}
