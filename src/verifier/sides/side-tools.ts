import type { ChangedFile } from "../../worktree/read/read-change.ts";
import {
  type DependencyInput,
  findToolChanges,
  isDependencyFile,
  withOldTools,
} from "../dependencies/dependencies.ts";
import { namedTest } from "./judge-names.ts";
import type { SidedFile } from "./sides.ts";

/**
 * Makes judges of manifests and lock files by which the change brings a tool of the checks from
 * elsewhere: a workspace under a runner's name, a program that hides it, a plugin that loads
 * itself. Where the tools' entries can be separated, only those are restored.
 */
export async function sideTools(
  files: readonly SidedFile[],
  changes: readonly ChangedFile[],
  about: {
    texts: string;
    /** Of the base. */
    files: readonly string[];
    read: (path: string) => Promise<string | null>;
  },
): Promise<SidedFile[]> {
  const changed = changes.filter(({ path }) => isDependencyFile(path));
  if (changed.length === 0) return [...files];
  const input: DependencyInput = {
    base: textsOf(changed, "before"),
    change: textsOf(changed, "now"),
    texts: about.texts,
    tests: await readTests(about),
  };
  const { tools } = findToolChanges(input);
  if (tools.length === 0) return [...files];
  const reasons = new Map(tools.map(({ path, why }) => [path, why]));
  const texts = new Map(withOldTools(input).map(({ path, text }) => [path, text]));
  return files.map((file) => {
    const why = reasons.get(file.path);
    // A file that needs acceptance anyway is restored as its side says.
    if (why === undefined || file.needsAcceptance) return file;
    const text = texts.get(file.path);
    return {
      ...file,
      ...{ side: text === undefined ? "judge" : "mixed", kind: "dependencies", why },
      withOldJudges: text === undefined ? "base" : { text },
      withOldSource: "change",
      needsAcceptance: true,
    };
  });
}

function textsOf(changed: readonly ChangedFile[], side: "before" | "now"): Map<string, string> {
  return new Map(
    changed.flatMap((change) => {
      const text = change[side]?.text;
      return text == null ? [] : [[change.path, text] as const];
    }),
  );
}

const maxTests = 300;
const maxLength = 2_000_000;

/** The texts of the base's tests, whose imports count as tools. */
async function readTests(about: {
  files: readonly string[];
  read: (path: string) => Promise<string | null>;
}): Promise<string> {
  const texts: string[] = [];
  let length = 0;
  for (const path of about.files.filter((each) => namedTest(each)).slice(0, maxTests)) {
    const text = (await about.read(path)) ?? "";
    length += text.length;
    if (length > maxLength) break;
    texts.push(text);
  }
  return texts.join("\n");
}
