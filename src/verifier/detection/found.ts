/** What the detection of an ecosystem sees, and what it finds. */
export type RepositoryFiles = {
  /** The paths of the base commit's files. */
  files: ReadonlySet<string>;
  read(path: string): Promise<string | null>;
  /** Whether a program of this name is on the machine's PATH. */
  hasProgram(name: string): boolean;
};

export type Found = {
  setup: string[];
  checks: string[];
  /** The file by which the setup, else the check was chosen. */
  by: string;
  /** The programs that the commands start, and how a person installs them. */
  programs: { name: string; install?: string }[];
  notes: string[];
};

/** Null: there is nothing of this ecosystem in the root. */
export type Detector = (repository: RepositoryFiles) => Promise<Found | null>;

/** The first of these files that exists. */
export function firstOf(files: ReadonlySet<string>, names: readonly string[]): string | null {
  return names.find((name) => files.has(name)) ?? null;
}

/** The text of a JSON object; null for anything else. */
export function parseObject(text: string | null): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse((text ?? "null").replace(/^\ufeff/, ""));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null; // a broken manifest is none that its tool could use
  }
}

export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
