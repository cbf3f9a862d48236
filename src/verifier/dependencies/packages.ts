/**
 * The types of this folder: where a manifest or lock file says that a package comes from. Each
 * format has its own file; the comparison is the same for all of them.
 */
export type Source = {
  /** The name in its registry, or in whatever else provides it. */
  name: string;
  /** The text in the file: a range, a path, an address. For people. */
  spec: string;
  /** `own`: the file itself is the manifest of a package of this name. */
  from: "registry" | "local" | "git" | "address" | "alias" | "patch" | "own";
  /** The exact version and the content's hash, where the file is a lock. */
  version?: string;
  integrity?: string;
  /** The registry; left out: the usual one, or the file names none. */
  host?: string;
  /** Programs that it puts on the path of scripts. */
  bins?: readonly string[];
  /** It runs a program of its own during installation. */
  runsScript?: boolean;
  /** Its own dependencies, where the file names them. */
  needs?: readonly string[];
  /** It loads itself into the runner: a plugin by entry point. */
  isPlugin?: boolean;
};

/** Reads one kind of file and puts the base's entries back into the change's text. */
export type DependencyFormat = {
  isOne(path: string): boolean;
  read(text: string): Source[];
  /** Returns the change's text with these packages as on the base; null: not separable. */
  putBack(base: string, change: string, names: ReadonlySet<string>): string | null;
};

/** Where a package.json spec leads: `file:../x`, `git+ssh://…`, `npm:other@1`, `user/repo`. */
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
