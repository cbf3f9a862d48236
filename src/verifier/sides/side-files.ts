import { posix } from "node:path";
import type { ChangedFile } from "../../worktree/read/read-change.ts";
import type { Led } from "./follow-commands.ts";
import {
  isInstalled,
  isOutputOfInput,
  type Kind,
  type Named,
  namedDeciding,
  namedTest,
} from "./judge-names.ts";
import { isDocumentation, type Language, languageOfText } from "./languages.ts";
import { findMovedSource } from "./moved-source.ts";
import { isPartial } from "./parts/partial-files.ts";
import type { Parts, Uses } from "./parts/parts.ts";
import { judgingLines, partCMake, partGemfile, partGoMod } from "./parts/parts-lines.ts";
import { isLock, partLock } from "./parts/parts-lock.ts";
import { partPackageJson } from "./parts/parts-package-json.ts";
import { partCargo, partPythonSections } from "./parts/parts-sections.ts";
import { partTests } from "./parts/parts-tests.ts";
import { findShadow } from "./shadows.ts";
import type { SidedFile } from "./sides.ts";
import type { EditContext } from "./tests/alike.ts";
import { declaresTests } from "./tests/declares-tests.ts";
import { judgeEdit, readTestFiles } from "./tests/judge-edits.ts";
import { splitTests } from "./tests/split-tests.ts";

/**
 * Classifies each changed file by its name, its text and what leads to it: the change's subject, a
 * possible judge, or both. Pure.
 */
export type SideContext = {
  led: Led;
  shipped: ReadonlySet<string>;
  isProtected(path: string): boolean;
  isProduct(path: string): boolean;
  testFiles: ReadonlySet<string>;
  filesBefore: ReadonlySet<string>;
  filesNow: ReadonlySet<string>;
  /** The files that mention a data file's name, on the base and on the change. */
  mentions: ReadonlyMap<string, { before: string[]; now: string[] }>;
  /** Files with a helper's name that only tests mention. */
  helpers: ReadonlySet<string>;
  /** Files with tests inside that other source mentions by name. */
  usedBySource: ReadonlySet<string>;
  /** The commands of checks and setup. */
  commands: string;
};

/** Why data is the change's subject: a check measures it. */
export const lookedAt = "a check looks at it itself";

/** A side before it is known whether it needs acceptance. */
export type Side =
  | { side: "source"; why: string }
  | { side: "judge"; kind: NonNullable<Kind>; why: string }
  | { side: "mixed"; kind: NonNullable<Kind>; why: string; parts: Parts }
  /** Code with tests inside; it is split once the rest of the change is known. */
  | { side: "mixed"; kind: "test"; why: string; code: Language };

export function sideFiles(changes: readonly ChangedFile[], context: SideContext): SidedFile[] {
  const told = changes
    .flatMap((change) => splitMoves(change, context))
    .map((change) => ({ change, side: tellSide(change, context) }));
  const sources = told.filter(({ side }) => side.side !== "judge").map(({ change }) => change);
  const judges = told.flatMap(({ change, side }) =>
    side.side === "judge" ? [{ change, kind: side.kind }] : [],
  );
  const code = told.flatMap(({ change, side }) =>
    side.side === "mixed" && "code" in side ? [{ change, code: side.code }] : [],
  );
  const edits: EditContext = { moved: findMovedSource(sources), ...readTestFiles(judges, code) };
  return told.map(({ change, side }) => sideFile(change, side, context, edits));
}

/** A file that became a judge, or stopped being one, did not just move. */
function splitMoves(change: ChangedFile, context: SideContext): ChangedFile[] {
  const { from, before, now } = change;
  if (from === null || before === null || now === null) return [change];
  const [was, is] = [tellSide({ ...change, path: from }, context), tellSide(change, context)];
  if (was.side === is.side && (was.side === "source" || was.kind === (is as typeof was).kind))
    return [change];
  return [
    { path: from, from: null, status: "deleted", before, now: null },
    { path: change.path, from: null, status: "added", before: null, now },
  ];
}

function sideFile(
  change: ChangedFile,
  side: Side,
  context: SideContext,
  edits: EditContext,
): SidedFile {
  const file = {
    path: change.path,
    from: change.from,
    status: change.status,
    content: change.now?.id ?? null,
    side: side.side,
    why: side.why,
    renamed: [],
  };
  if (side.side === "source") {
    return {
      ...file,
      ...{
        kind: null,
        withOldJudges: "change",
        withOldSource: "base",
        needsAcceptance: false,
        weaker: null,
      },
    };
  }
  if (side.side === "mixed" && "code" in side) return sideCode(change, side.code, file, edits);
  if (side.side === "mixed") {
    const { oldJudges, oldSource, needsAcceptance, weaker } = side.parts;
    return {
      ...file,
      kind: side.kind,
      withOldJudges: oldJudges === null ? "base" : { text: oldJudges },
      withOldSource: oldSource === null ? "change" : { text: oldSource },
      needsAcceptance,
      weaker,
    };
  }
  const isRead = (context.mentions.get(posix.basename(change.path))?.before.length ?? 0) > 0;
  const edited = { change, kind: side.kind, isRead, commands: context.commands };
  return { ...file, kind: side.kind, withOldSource: "change", ...judgeEdit(edited, edits) };
}

function tellSide(change: ChangedFile, context: SideContext): Side {
  const { path } = change;
  if (context.isProtected(path)) return judge("protected", "the configuration protects it");
  if (isInstalled(path))
    return judge("dependencies", "installed packages come from setup, not from a change");
  if (isPartial(path) || isLock(path)) return tellPartial(change, context);
  const led = context.led.files.get(path);
  const test = namedTest(path);
  if (led && !(context.isProduct(path) && test === null && led.kind === "runner")) {
    return judge(led.kind ?? "runner", led.why);
  }
  const deciding = namedDeciding(path, context.led.texts);
  if (deciding) return asJudge(deciding);
  const base = posix.basename(path);
  const mentions = context.mentions.get(base);
  const isJudge = (each: string) =>
    namedTest(each) !== null || context.testFiles.has(each) || context.led.files.has(each);
  const readers = [...(mentions?.before ?? []), ...(mentions?.now ?? [])].filter(isJudge);
  if (context.led.lookedAt.has(path) && test === null && readers.length === 0)
    return source(lookedAt);
  if (isDocumentation(path)) {
    const reader = readers[0];
    return reader
      ? judge("fixture", `\`${reader}\` reads it`)
      : { side: "source", why: "it is documentation" };
  }
  if (test) return asJudge(test);
  const inside = tellTestsInside(change, context);
  // A helper that imports an assertion library is not source with tests inside.
  if (inside && !(inside.side === "mixed" && context.helpers.has(path))) return inside;
  if (context.shipped.has(path)) return { side: "source", why: "the project ships it" };
  const language = languageOfText(path, change.now?.text ?? change.before?.text ?? null);
  const shadow = findShadow(change, context);
  if (shadow) return asJudge(shadow);
  if (context.helpers.has(path))
    return judge("test", "tests use it, no source does, and it is called like a helper of tests");
  if (language === null) {
    const isRead = (mentions?.before ?? []).some((each) => !isJudge(each));
    const folder = `${posix.dirname(path)}/`;
    const ending = posix.extname(path);
    const isListed =
      !isRead &&
      ((folder !== "./" && context.led.texts.includes(folder)) ||
        (ending !== "" && context.led.texts.includes(`*${ending}`)));
    if (isListed) return judge("fixture", "what the checks run reads its folder");
    if (readers.length > 0 && !isRead) return judge("fixture", `\`${readers[0]}\` reads it`);
    if (isOutputOfInput(path, context.filesNow))
      return judge("fixture", "it is the output that is expected of what lies beside it");
  }
  return { side: "source", why: "nothing of the checks is known to be in it" };
}

/** Code without a test's name that declares tests or is reported to hold some. */
function tellTestsInside({ path, before, now }: ChangedFile, context: SideContext): Side | null {
  const texts = [now?.text ?? null, before?.text ?? null];
  const language = languageOfText(path, texts[0] ?? texts[1] ?? null);
  const isReported = context.testFiles.has(path);
  const declares = texts.some((text) => declaresTests(language, text));
  if (language === null || !(isReported || declares)) return null;
  const why = isReported ? "the runner reports tests of it" : "it declares tests";
  const isMixed = texts.some((text) => text !== null && holdsSource(path, text, language, context));
  if (isMixed) return { side: "mixed", kind: "test", why, code: language };
  // A shipped file has its tests elsewhere, and only uses their library.
  return context.shipped.has(path) && !isReported ? null : judge("test", why);
}

function holdsSource(
  path: string,
  text: string,
  language: Language,
  context: SideContext,
): boolean {
  if (language === "rust") return true;
  const { regions, definesMore } = splitTests(text, language);
  if (regions.length === 0) return context.shipped.has(path) && !context.testFiles.has(path);
  if (
    regions.every(
      ({ kind, key }) => kind === "examples" || /^(import\.meta\.vitest|self-test)$/.test(key),
    )
  )
    return true;
  const isUsed = context.shipped.has(path) || context.usedBySource.has(path);
  const isExported =
    language === "js" && /^\s*export\b|\bmodule\.exports\b|^\s*exports\./m.test(text);
  return definesMore && (isUsed || isExported);
}

function sideCode(
  change: ChangedFile,
  language: Language,
  file: Pick<SidedFile, "path" | "from" | "status" | "content" | "renamed">,
  edits: EditContext,
): SidedFile {
  const source: SidedFile = {
    ...{ ...file, side: "source", kind: null, why: "the tests in it are as they were" },
    ...{ withOldJudges: "change", withOldSource: "base", needsAcceptance: false, weaker: null },
  };
  const before = change.before?.text ?? null;
  const now = change.now?.text ?? null;
  if (now === null) return { ...source, why: "it is gone with the tests in it" };
  const parts = partTests(change, before, now, language, edits);
  if (!parts) return source;
  return {
    ...source,
    side: "mixed",
    kind: "test",
    why: parts.changes.join("; "),
    withOldJudges: parts.oldJudges === null ? "base" : { text: parts.oldJudges },
    withOldSource: parts.oldSource === null ? "base" : { text: parts.oldSource },
    needsAcceptance: parts.needsAcceptance,
    weaker: parts.weaker,
    renamed: parts.renamed,
  };
}

function source(why: string): Side {
  return { side: "source", why };
}

function judge(kind: NonNullable<Kind>, why: string): Side {
  return { side: "judge", kind, why };
}

function asJudge({ kind, why }: Named): Side {
  return judge(kind ?? "test", why);
}

function tellPartial(change: ChangedFile, { led, filesBefore, filesNow }: SideContext): Side {
  const { path } = change;
  const [base, now] = [change.before?.text ?? null, change.now?.text ?? null];
  const isRoot = !path.includes("/");
  const uses: Uses = { texts: led.texts, scripts: led.scripts, known: filesNow };
  const name = posix.basename(path);
  if (name === "package.json" && !isRoot && change.status === "added" && now !== null) {
    // A new package's manifest affects no other package, unless its folder already had files.
    const folder = `${posix.dirname(path)}/`;
    const wasThere = [...filesBefore].some((file) => file.startsWith(folder));
    const own = tell(
      partPackageJson(base, now, uses),
      "configuration",
      source("it is a new package's own"),
    );
    if (wasThere) return judge("runner", "it tells how files are loaded that were there before");
    return own.side === "mixed" && own.kind !== "dependencies"
      ? source("it is a new package's own")
      : own;
  }
  const plain: Side = {
    side: "source",
    why: "no part of it that decides how checks run is changed",
  };
  if (now === null && change.now !== null)
    return judge("configuration", "it is no readable file any more");
  if (now === null) {
    // A package removed with its manifest changes no other package's checks.
    return isRoot && !isLock(path) ? judge("configuration", "it tells how checks run") : plain;
  }
  if (isLock(path)) return tell(partLock(path, base, now), "dependencies", plain);
  if (name === "package.json")
    return tell(partPackageJson(base, now, uses), "configuration", plain);
  if (/^(pyproject\.toml|setup\.cfg)$/.test(name))
    return tell(partPythonSections(base, now, uses), "configuration", plain);
  if (name === "Cargo.toml") return tell(partCargo(base, now), "configuration", plain);
  if (name === "go.mod") return tell(partGoMod(base, now), "dependencies", plain);
  if (name === "Gemfile") return tell(partGemfile(base, now), "dependencies", plain);
  if (name === "CMakeLists.txt") return tell(partCMake(base, now), "configuration", plain);
  const [line] = judgingLines(path, base, now);
  return line === undefined
    ? plain
    : judge("configuration", `it decides how tests are built and run: \`${line.slice(0, 150)}\``);
}

function tell(parts: Parts | null, kind: NonNullable<Kind>, plain: Side): Side {
  if (!parts) return plain;
  const why = parts.changes.slice(0, 3).join("; ");
  return { side: "mixed", kind: parts.kind ?? kind, why, parts };
}
