/**
 * Tries a token as `deputy doctor` does: by reading alone. GitHub names the scopes of a classic
 * token; of any other one its repositories tell what it may do there. Returns what it lacks, in
 * sentences; empty: nothing that can be known without writing.
 */
export async function tryToken(
  { apiUrl, token }: { apiUrl: string; token: string },
  /** `owner/name`, those that rules name. */
  repositories: readonly string[],
): Promise<string[]> {
  const ask = async (path: string) => {
    const response = await fetch(`${apiUrl.replace(/\/+$/, "")}${path}`, {
      headers: { authorization: `token ${token}`, "user-agent": "deputy" },
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body: unknown = await response.json().catch(() => null); // it may not be GitHub's
    return { status: response.status, headers: response.headers, body };
  };
  try {
    const { headers, status } = await ask("/user");
    if (status === 401) return ["GitHub does not accept it (401): set a valid GITHUB_TOKEN"];
    const lacks = findMissingScopes(headers.get("x-oauth-scopes"));
    for (const name of repositories.slice(0, maxRepositories)) {
      const { body, status } = await ask(`/repos/${name}`);
      if (status !== 200) {
        lacks.push(`it is shown nothing of ${name} (${status}): give it access to that repository`);
        continue;
      }
      const { permissions } = (body ?? {}) as { permissions?: { push?: boolean } };
      if (permissions?.push === false) lacks.push(`it may not push to ${name} (contents: write)`);
      for (const [part, right] of [
        ["issues", "issues: read and write"],
        ["pulls", "pull requests: read and write"],
      ]) {
        const { status } = await ask(`/repos/${name}/${part}?per_page=1`);
        if (status === 403 || status === 404)
          lacks.push(`it may not read the ${part} of ${name} (${right})`);
      }
    }
    return lacks;
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } };
    return [`GitHub was not reached at ${apiUrl} (${cause?.code ?? message}), so it was not tried`];
  }
}

const timeoutMs = 5_000;
const maxRepositories = 5;

/** Of a classic token; any other has no list of scopes. */
function findMissingScopes(header: string | null): string[] {
  if (header === null || header.trim() === "") return [];
  const scopes = header.split(",").map((scope) => scope.trim());
  return [
    ...(scopes.includes("repo")
      ? []
      : scopes.includes("public_repo")
        ? ["it reaches public repositories only (scope repo)"]
        : ["it may not push, nor open pull requests (scope repo)"]),
    ...(scopes.includes("workflow") ? [] : ["it may not change workflows (scope workflow)"]),
  ];
}
