/**
 * The path of a repository on a forge, without `.git`: `owner/name`, or with more folders where a
 * forge has groups. Null: the URL is not on it. By http the whole origin and the forge's own path must
 * be the same; by ssh the host alone, because its port is another one. Pure.
 */
export function findProject(repositoryUrl: string, baseUrl: string): string | null {
  const base = new URL(baseUrl);
  const path = /^https?:\/\//.test(repositoryUrl)
    ? pathByHttp(repositoryUrl, base)
    : pathBySsh(repositoryUrl, base.hostname);
  const project = path?.replace(/^\/+|\/+$/g, "").replace(/\.git$/, "");
  const isProject =
    project !== undefined &&
    /^[\w.-]+(?:\/[\w.-]+)+$/.test(project) &&
    project.split("/").every((part) => !/^\.{1,2}$/.test(part));
  return isProject ? project : null;
}

function pathByHttp(repositoryUrl: string, base: URL): string | null {
  const url = URL.canParse(repositoryUrl) ? new URL(repositoryUrl) : null;
  const prefix = base.pathname.replace(/\/*$/, "/");
  if (url?.host !== base.host || !url.pathname.startsWith(prefix)) return null;
  return url.pathname.slice(prefix.length);
}

function pathBySsh(repositoryUrl: string, host: string): string | null {
  const [, itsHost, path] =
    /^ssh:\/\/(?:[^/@]+@)?([^/:]+)(?::\d+)?\/(.+)$/.exec(repositoryUrl) ??
    /^(?:[^/@:]+@)?([^/:@]+):(?!\/\/)(.+)$/.exec(repositoryUrl) ??
    [];
  return itsHost?.toLowerCase() === host && path !== undefined ? path : null;
}
