/**
 * Returns why a path is checked out nowhere, or null. Some file systems take other names for
 * `.git`: NTFS ignores case, trailing dots and blanks, streams behind a colon, and knows it as
 * `git~1`; HFS+ ignores invisible characters. A backslash is a slash there. Paths are bytes in
 * latin1 strings.
 */
export function whyRefused(path: string): string | null {
  if (Buffer.byteLength(path, "latin1") > maxPathBytes)
    return `is longer than ${maxPathBytes} bytes, which no checkout in a deeper folder can hold`;
  for (const name of path.split(/[/\\]/)) {
    const text = Buffer.from(name, "latin1").toString("utf8").replace(unseen, "");
    if (/^(\.git|git~1)[ .]*(:|$)/i.test(text))
      return "has a name that git checks out nowhere, because some system takes it for .git";
  }
  return null;
}

/** A path has at most 4096 bytes, the folder of a checkout included. */
const maxPathBytes = 3_000;
const unseen = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;
