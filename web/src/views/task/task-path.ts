/** The page's address of a task, or of one of its tabs. */
export function taskHref(id: string, tab?: string, query: Record<string, string> = {}): string {
  const text = new URLSearchParams(query).toString();
  return `/tasks/${encodeURIComponent(id)}${tab ? `/${tab}` : ""}${text ? `?${text}` : ""}`;
}

/** The form of a new task that begins with the fields of this one. */
export const againHref = (id: string): string => `/new?again=${encodeURIComponent(id)}`;

/** The API's path of a task. */
export const taskPath = (id: string, rest = ""): string =>
  `/v1/tasks/${encodeURIComponent(id)}${rest}`;
