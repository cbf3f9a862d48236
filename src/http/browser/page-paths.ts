/**
 * Where the page is: one file, which shows what its address says. Everything else that a browser can ask
 * for has a place of its own (`/v1`, `/q`, `/hooks`, …).
 */
export const pagePaths = [
  ...["/tasks", "/tasks/:id", "/tasks/:id/:tab"],
  ...["/new", "/triggers", "/agents", "/settings", "/pair"],
] as const;

const patterns = ["/", ...pagePaths].map(
  (path) => new RegExp(`^${path.replace(/:\w+/g, "[^/]+")}$`),
);

/** Whether a browser that goes to this address gets the page. */
export function isPagePath(url: string): boolean {
  const [path = ""] = url.split(/[?#]/, 1);
  return patterns.some((pattern) => pattern.test(path));
}
