import { posix } from "node:path";
import { isDrawnOut } from "./drawn-out.ts";
import { type MovedSource, withoutEnding } from "./moved-source.ts";
import type { EditContext } from "./tests/alike.ts";
import type { TestFile } from "./tests/read-test-file.ts";
import type { Unit } from "./tests/units.ts";

/**
 * Compares the imports of an edited test file with the old ones. A test that imports its subject
 * from elsewhere tests something else, unless the subject moved there. Pure.
 */
/** Whether the imports are unchanged, follow moved files and names, or serve new tests. */
export function compareImports(
  before: TestFile,
  now: TestFile,
  context: EditContext,
): "same" | "follows" | "other" {
  const { moved } = context;
  const drawnOut = new Set(
    before.rest.filter((rest) => isDrawnOut(rest, now, context)).map(({ name }) => name),
  );
  let movedAlong = false;
  const sayOf = (file: TestFile, { start, end }: Unit) =>
    file.tokens.slice(start, end).map(({ text }) => {
      const place = resolveFrom(file.path, text);
      const to = file === before ? moved.files.get(withoutEnding(place.slice(3, -1))) : undefined;
      if (to === undefined || place === text) return place;
      movedAlong = true;
      return `"./${to}${/\.\w+"$/.exec(place)?.[0] ?? '"'}`;
    });
  const [was, is] = [
    before.imports.map((unit) => sayOf(before, unit)),
    now.imports.map((unit) => sayOf(now, unit)),
  ];
  const keys = new Set(is.map((each) => each.join(" ")));
  const had = new Set(was.map((each) => each.join(" ")));
  const come = is.filter(
    (each) => !had.has(each.join(" ")) && !each.some((text) => drawnOut.has(text)),
  );
  const gone = was.filter((each) => !keys.has(each.join(" ")));
  const partsOf = (texts: readonly string[]) =>
    texts.flatMap((text) => text.match(/[\p{L}\p{N}_$-]+/gu) ?? []);
  const goneParts = new Set(gone.flatMap(partsOf));
  const comeParts = new Set(come.flatMap(partsOf));
  const bodyWords = new Set([
    ...before.tests.flatMap(({ body }) => body),
    ...before.rest.flatMap(({ says }) => says),
  ]);
  let follows = false;
  for (const part of comeParts) {
    if (goneParts.has(part) || neutral.test(part)) continue;
    if (moved.newStems.has(part) && isReplacing(goneParts, moved)) follows = true;
    else if (moved.newWords.has(part)) follows ||= isReplacing(goneParts, moved);
    // A name that no old test knows is for the new tests.
    else if (bodyWords.has(part) && !before.words.has(part)) return "other";
    else if (!isForNewTests(part, come, bodyWords, before)) return "other";
  }
  for (const part of goneParts) {
    if (comeParts.has(part) || neutral.test(part)) continue;
    if (moved.goneStems.has(part) || moved.goneWords.has(part)) follows = true;
    else if (bodyWords.has(part) && now.words.has(part) && !isImported(part, is)) return "other";
    else if (isReplacing(goneParts, moved)) follows = true;
    else if (
      gone.some(
        (each) =>
          partsOf(each).includes(part) &&
          partsOf(each).some(
            (name) => bodyWords.has(name) && now.words.has(name) && !isStillFrom(name, each, is),
          ),
      )
    )
      return "other";
  }
  return follows || movedAlong ? "follows" : "same";
}

/** Makes a relative path one from the root, so that a moved file's imports compare as equal. */
function resolveFrom(path: string, text: string): string {
  return /^["'`]\.{1,2}\//.test(text)
    ? `"./${posix.join(posix.dirname(path), text.slice(1, -1))}"`
    : text;
}

export const neutral =
  /^(import|from|const|let|var|require|export|use|package|using|as|js|ts|mjs|cjs|tsx|jsx|py|node|await|type|static|pub|crate|super|include|default|h|hpp)$/;

function isReplacing(goneParts: ReadonlySet<string>, moved: MovedSource): boolean {
  return [...goneParts].some(
    (part) =>
      moved.goneStems.has(part) ||
      moved.goneWords.has(part) ||
      [...goneParts].some((name) => moved.lostWords.get(part)?.has(name)),
  );
}

function isImported(name: string, imports: readonly (readonly string[])[]): boolean {
  return imports.some((each) => each.includes(name));
}

/** Whether the same name still comes from the same place. */
function isStillFrom(
  name: string,
  was: readonly string[],
  imports: readonly (readonly string[])[],
): boolean {
  const place = was.find((text) => /^["'`]/.test(text));
  return imports.some(
    (each) => each.includes(name) && (place === undefined || each.includes(place)),
  );
}

/** Whether no old test uses a name of the import. */
function isForNewTests(
  part: string,
  come: readonly (readonly string[])[],
  bodyWords: ReadonlySet<string>,
  before: TestFile,
): boolean {
  const statements = come.filter((each) =>
    each.some((text) => text.match(/[\p{L}\p{N}_$-]+/gu)?.includes(part)),
  );
  return statements.every((each) => {
    const names = each.filter((text) => /^[\p{L}_$]/u.test(text) && !neutral.test(text));
    const place = each.find((text) => /^["'`]/.test(text));
    const isKnownPlace = before.imports.some((unit) =>
      before.tokens
        .slice(unit.start, unit.end)
        .some(({ text }) => resolveFrom(before.path, text) === place),
    );
    return isKnownPlace || names.every((name) => !bodyWords.has(name));
  });
}
