import { inspectSource } from "../mirror/source-repository.ts";
import { conflict } from "../publish/guard-checkout.ts";

/**
 * What is in a user's checkout by git's own rules, and which folders it ignores there. Reads the index
 * and folders, no file. Throws a DeputyError where there is no checkout.
 */
export async function surveyCheckout(
  path: string,
): Promise<{ root: string; ignored: string[]; files: string[] }> {
  const source = await inspectSource(path);
  if (source.bare) throw conflict(`${path} is a bare repository: there are no files to watch.`);
  const list = async (...args: string[]) => {
    const listed = await source.git.run(["ls-files", "-z", "--exclude-standard", ...args]);
    return listed.split("\0").filter(Boolean);
  };
  const [files, ignored] = await Promise.all([
    list("--cached", "--others"),
    list("--others", "--ignored", "--directory"),
  ]);
  const folders = ignored.filter((entry) => entry.endsWith("/"));
  return { root: source.topLevel, files, ignored: folders.map((entry) => entry.slice(0, -1)) };
}
