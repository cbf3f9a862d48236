import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { isHostPattern } from "./egress-proxy.ts";

/**
 * The registries that the daemon's user configured for npm, pip and others, from variables, from
 * `registry=` and `@scope:registry=` in ~/.npmrc, and from `index-url` in pip's files. A confined
 * command has neither this home nor these variables and would use the public ones. Nothing else in
 * those files is read, and a login in a URL is removed: commands of agents must not use a registry
 * that requires one.
 */
export type Registries = {
  /** Variables for the package managers. */
  environment: Record<string, string>;
  /** Lines for an .npmrc in a confined home: no variable sets the registry of a scope. */
  npmrc: string;
  /** Their hosts, as allow-list entries. */
  hosts: string[];
  /** One sentence for each registry that is unreachable from inside. */
  problems: string[];
};

const variables = [
  "npm_config_registry",
  "NPM_CONFIG_REGISTRY",
  "YARN_NPM_REGISTRY_SERVER",
  "PIP_INDEX_URL",
  "PIP_EXTRA_INDEX_URL",
  "UV_INDEX_URL",
  "UV_DEFAULT_INDEX",
  "COREPACK_NPM_REGISTRY",
  "GOPROXY",
];

export function findRegistries(env: NodeJS.ProcessEnv, home: string): Registries {
  const told: Record<string, string> = {};
  for (const name of variables) {
    const value = env[name];
    if (value) told[name] = value;
  }
  if (!told.npm_config_registry && !told.NPM_CONFIG_REGISTRY) {
    const registry = readKey(join(home, ".npmrc"), "registry");
    if (registry) told.npm_config_registry = registry;
  }
  const pipFiles = [".config/pip/pip.conf", ".pip/pip.conf"].map((path) => join(home, path));
  const indexes = [...pipFiles, "/etc/pip.conf"].map((path) => readKey(path, "index-url"));
  const index = indexes.find((url) => url !== null);
  if (!told.PIP_INDEX_URL && index) told.PIP_INDEX_URL = index;

  const found: Registries = { environment: {}, npmrc: "", hosts: [], problems: [] };
  for (const [name, value] of Object.entries(told)) {
    // GOPROXY and the extra indexes are lists; words like `direct` are no URLs.
    const parts = value.split(/([\s,|]+)/).map((part) => {
      const url = URL.canParse(part) ? new URL(part) : null;
      return url === null ? part : readUrl(url, name, found);
    });
    found.environment[name] = parts.join("");
  }
  for (const [scope, url] of findScopes(readText(join(home, ".npmrc")))) {
    found.npmrc += `${scope}:registry=${readUrl(new URL(url), `${scope}:registry`, found)}\n`;
  }
  found.hosts = [...new Set(found.hosts)];
  found.problems = [...new Set(found.problems)];
  return found;
}

function readUrl(url: URL, name: string, found: Registries): string {
  url.username = "";
  url.password = "";
  const why =
    url.protocol !== "https:"
      ? "only HTTPS is let out of it"
      : isIP(url.hostname.replace(/^\[|\]$/g, "")) !== 0
        ? "it has no name"
        : url.hostname === "localhost"
          ? "localhost is another one there"
          : null;
  if (why === null) found.hosts.push(url.host);
  else {
    found.problems.push(
      `Nothing is installed from ${url.origin} (${name}) inside the sandbox: ${why}. Give the registry a name and HTTPS, or set sandbox.network.`,
    );
  }
  return url.href;
}

/** The last value of a key in an ini file; null if it refers to a variable. */
function readKey(path: string, key: string): string | null {
  return findKey(readText(path), key);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // usually missing
  }
}

function findKey(text: string, key: string): string | null {
  const pattern = new RegExp(`^\\s*${key}\\s*=\\s*["']?(https?://[^\\s"']+)`, "gm");
  const value = [...text.matchAll(pattern)].at(-1)?.[1] ?? null;
  return value?.includes("$") ? null : value;
}

/** The registry of each scope; the last one counts. */
function findScopes(text: string): Map<string, string> {
  const pattern = /^\s*(@[\w.~-]+):registry\s*=\s*["']?(https?:\/\/[^\s"']+)/gim;
  const found = [...text.matchAll(pattern)].map(
    ([, scope = "", url = ""]) => [scope, url] as const,
  );
  return new Map(found.filter(([, url]) => !url.includes("$") && URL.canParse(url)));
}

/** Maximum hosts from a repository; a real lock file has fewer. */
const maxOfRepository = 20;

/**
 * Where package managers' own files name the hosts of packages: the file, and a pattern whose first
 * group is the start of such a URL. Links to a project's home or its sponsors are none.
 */
const namingFiles: readonly (readonly [path: RegExp, url: RegExp])[] = [
  [/^(?:package-lock|npm-shrinkwrap)\.json$/, /"resolved"\s*:\s*"(https:\/\/[^"\\/]+\/)/g],
  [/^yarn\.lock$/, /^\s+resolved "(https:\/\/[^"\\/]+\/)/gm],
  [/^\.yarnrc\.yml$/, /\bnpmRegistryServer:\s*["']?(https:\/\/[^"'\s$]+)/g],
  [/^pnpm-lock\.yaml$/, /\btarball: ["']?(https:\/\/[^"'\s/]+\/)/g],
  [/^bun\.lock$/, /\["[^"]+", "(https:\/\/[^"/]+\/)/g],
  [/^(?:uv|poetry|pdm)\.lock$/, /\b(?:registry|url) = "(https:\/\/[^"/]+\/?)/g],
  [/^Pipfile\.lock$/, /"url"\s*:\s*"(https:\/\/[^"/]+\/?)/g],
  [
    /^requirements[^/]*\.(?:txt|in)$/,
    /^\s*(?:-i|--index-url|--extra-index-url|-f|--find-links)[ =]+(https:\/\/[^\s/$]+\/?)/gm,
  ],
  [/^Gemfile\.lock$/, /^ {2}remote: (https:\/\/[^\s/]+\/?)/gm],
  [/^composer\.lock$/, /"dist"\s*:\s*\{[^{}]*?"url"\s*:\s*"(https:(?:\\?\/){2}[^"\\/]+)/g],
  // The name of crates.io itself is an address that nothing is fetched from.
  [
    /^Cargo\.lock$/,
    /"(?:registry|sparse|git)\+(https:\/\/(?!github\.com\/rust-lang\/crates\.io-index)[^"/]+\/)/g,
  ],
  [/^\.cargo\/config(?:\.toml)?$/, /"(?:sparse\+)?(https:\/\/[^"/]+\/)/g],
  [
    /^(?:gradle\/wrapper\/gradle|\.mvn\/wrapper\/maven)-wrapper\.properties$/,
    /^\s*\w+Url=(https\\?:\/\/[^\s/]+\/)/gm,
  ],
];

/** Where these hosts send a download on to. */
const sentOnTo: Readonly<Record<string, readonly string[]>> = {
  "api.github.com": ["codeload.github.com"],
  "services.gradle.org": ["github.com", "release-assets.githubusercontent.com"],
};

/** Whether a file of a repository may name registries. */
export function namesRegistries(path: string): boolean {
  return path === ".npmrc" || namingFiles.some(([name]) => name.test(path));
}

/**
 * Returns the hosts from which a commit's own files get packages, by the files' paths: `.npmrc`,
 * lock files and the like. Only names with HTTPS; the rest of the files, especially logins, is not
 * read.
 */
export function listRepositoryRegistries(files: ReadonlyMap<string, string>): string[] {
  const found: Registries = { environment: {}, npmrc: "", hosts: [], problems: [] };
  const npmrc = files.get(".npmrc") ?? "";
  const named = [...files].flatMap(([path, text]) =>
    namingFiles
      .filter(([name]) => name.test(path))
      .flatMap(([, pattern]) => [...text.matchAll(pattern)].map(([, url = ""]) => url)),
  );
  const urls = [
    findKey(npmrc, "registry"),
    ...findScopes(npmrc).values(),
    ...new Set(named.map((url) => url.replaceAll("\\", ""))),
  ];
  for (const url of urls) {
    if (url !== null && URL.canParse(url)) readUrl(new URL(url), "", found);
  }
  const hosts = found.hosts.flatMap((host) => [host, ...(sentOnTo[host] ?? [])]);
  return [...new Set(hosts)].filter(isHostPattern).slice(0, maxOfRepository);
}
