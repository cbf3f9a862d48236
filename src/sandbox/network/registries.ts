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
 * Returns the hosts from which a commit's own `.npmrc` and `package-lock.json` get packages. Only
 * names with HTTPS; the rest of the files, especially logins, is not read.
 */
export function listRepositoryRegistries(npmrc: string, lock: string): string[] {
  const found: Registries = { environment: {}, npmrc: "", hosts: [], problems: [] };
  const resolved = lock.matchAll(/"resolved"\s*:\s*"(https:\/\/[^"\\/]+\/)/g);
  const urls = [
    findKey(npmrc, "registry"),
    ...findScopes(npmrc).values(),
    ...new Set([...resolved].map(([, url]) => url ?? "")),
  ];
  for (const url of urls) {
    if (url !== null && URL.canParse(url)) readUrl(new URL(url), "", found);
  }
  return [...new Set(found.hosts)].filter(isHostPattern).slice(0, maxOfRepository);
}
