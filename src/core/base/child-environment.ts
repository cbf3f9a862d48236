import { DeputyError } from "./error.ts";

/**
 * The part of the daemon's environment that each started program gets: one allow-list per purpose
 * and nothing else. The daemon's own secrets (provider keys, tokens, the database password) are on
 * none of them. Two programs need no list, as their environments are spelled out where they are
 * started: git on mirrors and worktrees, and PostgreSQL.
 */
type Environment = Readonly<Record<string, string | undefined>>;

/** User identity, program locations and locale. */
const common = [
  ...["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM"],
] as const;
const network = [
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"],
  ...["ALL_PROXY", "all_proxy", "npm_config_proxy", "npm_config_https_proxy", "npm_config_noproxy"],
  ...["YARN_HTTP_PROXY", "YARN_HTTPS_PROXY", "CARGO_HTTP_PROXY", "NODE_USE_ENV_PROXY"],
  ...["MAVEN_OPTS", "GRADLE_OPTS", "SBT_OPTS"],
  ...["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"],
] as const;
const toolchains = [
  ...["NVM_DIR", "JAVA_HOME", "GOPATH", "GOROOT", "CARGO_HOME", "RUSTUP_HOME", "PYENV_ROOT"],
  ...["VIRTUAL_ENV", "RBENV_ROOT", "VOLTA_HOME", "FNM_DIR", "ASDF_DATA_DIR", "MISE_DATA_DIR"],
] as const;

/** Where the user's git, ssh and credential helpers find their configuration: paths, no secrets. */
const userSetup = [
  ...["CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NIX_SSL_CERT_FILE"],
  ...["GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"],
  ...["GIT_SSL_CERT", "GIT_SSL_KEY", "GIT_PROXY_SSL_CAINFO"],
  ...["SSH_AUTH_SOCK", "SSH_AGENT_PID", "KRB5CCNAME", "KRB5_CONFIG"],
  ...["GNUPGHOME", "PASSWORD_STORE_DIR", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY"],
  ...["GCM_CREDENTIAL_STORE", "GCM_PLAINTEXT_STORE_PATH", "GCM_INTERACTIVE", "GCM_PROVIDER"],
  ...["GH_CONFIG_DIR", "GLAB_CONFIG_DIR", "CLOUDSDK_CONFIG", "AZURE_CONFIG_DIR"],
  ...["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE", "AWS_REGION"],
  "AWS_DEFAULT_REGION",
] as const;

/** What a program needs to open a window on the person's screen. */
const desktop = [
  ...["DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "BROWSER"],
  ...["DESKTOP_SESSION", "KDE_FULL_SESSION", "KDE_SESSION_VERSION", "GNOME_DESKTOP_SESSION_ID"],
  ...["SESSION_MANAGER", "WSL_DISTRO_NAME", "WSL_INTEROP"],
] as const;

/**
 * Tokens that credential helpers of these hosts read. The daemon's GITHUB_TOKEN is not among them:
 * it is sent as a header.
 */
const hostTokens: readonly { host: RegExp; names: readonly string[] }[] = [
  { host: /^github\.com$/, names: ["GH_TOKEN"] },
  { host: /^gitlab\.com$/, names: ["GITLAB_TOKEN"] },
  {
    host: /^git-codecommit\.[a-z0-9-]+\.amazonaws\.com$/,
    names: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
  },
];

/** For commands of agents, setup and checks, and for programs asked for their version. */
export function scrubbedEnvironment(
  own: Readonly<Record<string, string>> = {},
  from: Environment = process.env,
): Record<string, string> {
  const env = pick(from, [...common, ...network, ...toolchains], /^LC_/);
  return { PATH: "/usr/local/bin:/usr/bin:/bin", ...env, ...own };
}

/** For the person's own browser. */
export function desktopEnvironment(from: Environment = process.env): Record<string, string> {
  return pick(from, [...common, ...network, ...desktop], /^(?:LC|XDG|MOZ|GTK|QT)_/);
}

/**
 * For git that acts on the user's behalf, with ssh and credential helpers below it. `host` is its
 * destination, null for a repository on this machine. Besides the user's configuration it gets only
 * the tokens of that host and the variables that DEPUTY_GIT_VARIABLES names for it.
 */
export function transportEnvironment(
  host: string | null,
  from: Environment = process.env,
): Record<string, string> {
  const tokens = hostTokens.flatMap((row) => (host && row.host.test(host) ? row.names : []));
  const named = parseGitVariables(from.DEPUTY_GIT_VARIABLES).flatMap((row) =>
    row.host === host ? [row.name] : [],
  );
  return pick(from, [...common, ...network, ...userSetup, ...tokens, ...named], /^(?:LC|XDG)_/);
}

/**
 * Parse `git.example.org=MY_TOKEN,…`: variables that a credential helper needs, each for one host.
 * Throws a DeputyError for a malformed entry or a variable of git's or Deputy's own.
 */
export function parseGitVariables(text: string | undefined): { host: string; name: string }[] {
  const entries = (text ?? "").split(",").map((entry) => entry.trim());
  return entries.filter(Boolean).map((entry) => {
    const [, host, name] = /^([^\s=/@]+)=(?!GIT_|DEPUTY_)([A-Za-z_]\w*)$/.exec(entry) ?? [];
    if (host !== undefined && name !== undefined) return { host: host.toLowerCase(), name };
    throw new DeputyError(
      "invalid_input",
      `DEPUTY_GIT_VARIABLES must be like git.example.org=MY_TOKEN, with commas between several and no variable of git's or Deputy's own, not "${entry.slice(0, 200)}".`,
    );
  });
}

function pick(from: Environment, names: readonly string[], prefix: RegExp): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(from)) {
    if (value !== undefined && (names.includes(name) || prefix.test(name))) env[name] = value;
  }
  return env;
}
