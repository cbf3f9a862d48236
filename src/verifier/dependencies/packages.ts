/**
 * The words of this folder: where a manifest or lock file says that a package comes from. One file
 * for each way to write it down; what is compared is the same for all of them.
 */
export type Source = {
  /** As its registry, or whoever else brings it, calls it. */
  name: string;
  /** As the file has it: a range, a path, an address. For people. */
  spec: string;
  /** `own`: the file itself is the manifest of a package of this name. */
  from: "registry" | "local" | "git" | "address" | "alias" | "patch" | "own";
  /** The exact version and what its content hashes to, where the file is a lock. */
  version?: string;
  integrity?: string;
  /** Which registry; left out: the usual one, or the file does not say. */
  host?: string;
  /** Programs that it puts on the path of scripts. */
  bins?: readonly string[];
  /** A program of its own runs while it is installed. */
  runsScript?: boolean;
  /** What it needs itself, where the file says so. */
  needs?: readonly string[];
  /** Loads itself into the runner: a plugin by entry point. */
  isPlugin?: boolean;
};

/** How one kind of file is read, and how entries of the base are put into the change's text. */
export type DependencyFormat = {
  isOne(path: string): boolean;
  read(text: string): Source[];
  /** The change's text with these packages as on the base; null: they cannot be told apart in it. */
  putBack(base: string, change: string, names: ReadonlySet<string>): string | null;
};

/** `file:../x`, `git+ssh://…`, `npm:other@1`, `user/repository`: where a spec of a package.json leads. */
export function sourceOfSpec(spec: string): Source["from"] {
  if (/^(file|link|portal|workspace):|^\.{0,2}\/|^~\//.test(spec)) return "local";
  if (/^patch:/.test(spec)) return "patch";
  if (/^npm:/.test(spec)) return "alias";
  if (/^(git|github|gitlab|bitbucket|gist)\b.*[:/]|^ssh:|\.git(#|$)/.test(spec)) return "git";
  if (/^https?:/.test(spec)) return "address";
  // `user/repository` is a repository on GitHub; `jsr:@scope/name` is a registry.
  return /^[\w.-]+\/[\w.-]+(#.*)?$/.test(spec) ? "git" : "registry";
}

export function hostOf(address: string): string {
  return /^[a-z+]+:\/\/(?:[^/@]*@)?([^/:]+)/i.exec(address)?.[1]?.toLowerCase() ?? "";
}
