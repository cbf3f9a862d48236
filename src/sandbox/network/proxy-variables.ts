/**
 * The proxy settings of package managers and other clients. Most read `HTTPS_PROXY` (curl, git, go,
 * cargo, pip, uv, Poetry, Bundler, Composer, dotnet, Bun, Deno); Yarn, npm, Node and the JVM's tools
 * do not, or not in every version. Pure.
 */
const usual = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] as const;

/**
 * The variables that send every client through the HTTP proxy at this port of the loopback
 * interface. There is no `YARN_NO_PROXY`: Yarn 2 and later end with an error for a setting that they
 * do not know. A JVM leaves out the loopback interface by itself.
 */
export function proxyVariables(port: number): Record<string, string> {
  const proxy = `http://127.0.0.1:${port}`;
  const noProxy = "127.0.0.1,localhost,::1";
  const jvm = ["http", "https"]
    .flatMap((scheme) => [`-D${scheme}.proxyHost=127.0.0.1`, `-D${scheme}.proxyPort=${port}`])
    .join(" ");
  return {
    ...Object.fromEntries(usual.flatMap((name) => [name, name.toLowerCase()].map(to(proxy)))),
    ...Object.fromEntries(["NO_PROXY", "no_proxy", "npm_config_noproxy"].map(to(noProxy))),
    // npm, pnpm and Yarn 1.
    ...Object.fromEntries(["npm_config_proxy", "npm_config_https_proxy"].map(to(proxy))),
    ...Object.fromEntries(["YARN_HTTP_PROXY", "YARN_HTTPS_PROXY"].map(to(proxy))),
    CARGO_HTTP_PROXY: proxy,
    // The `fetch` of newer Node; Electron's and other downloads by global-agent.
    NODE_USE_ENV_PROXY: "1",
    ELECTRON_GET_USE_PROXY: "1",
    ...Object.fromEntries(["GLOBAL_AGENT_HTTP_PROXY", "GLOBAL_AGENT_HTTPS_PROXY"].map(to(proxy))),
    // Maven 3.9 reads the JVM's proxy only when it is told to. Not JAVA_TOOL_OPTIONS, which every
    // JVM prints, tests' own included.
    MAVEN_OPTS: `${jvm} -Daether.connector.http.useSystemProperties=true -Daether.transport.apache.useSystemProperties=true`,
    GRADLE_OPTS: jvm,
    SBT_OPTS: jvm,
  };
}

function to(value: string): (name: string) => [string, string] {
  return (name) => [name, value];
}

const ofClients =
  /^(?:https?_proxy|all_proxy|no_proxy|npm_config_(?:proxy|https_proxy|noproxy)|yarn_https?_proxy|cargo_http_proxy|global_agent_\w+_proxy|(?:maven|gradle|sbt)_opts|node_use_env_proxy|electron_get_use_proxy)$/i;

/** Whether this variable of the daemon's environment is a client's proxy: not for a box. */
export function isProxyVariable(name: string): boolean {
  return ofClients.test(name);
}
