import { posix } from "node:path";
import type { ChangedFile } from "../../worktree/read/read-change.ts";
import type { Named } from "./judge-names.ts";

/**
 * Finds an added file that is resolved before the one that tests or the runner mean: another
 * ending, a folder of the same name, a module named like one of the standard library or of the
 * runner. Pure.
 */
export function findShadow(
  change: ChangedFile,
  { filesBefore, filesNow }: { filesBefore: ReadonlySet<string>; filesNow: ReadonlySet<string> },
): Named | null {
  if (change.status !== "added" && change.status !== "renamed") return null;
  const { path } = change;
  const base = posix.basename(path);
  const twin = findTwin(path, filesBefore, filesNow);
  if (twin) return { kind: "runner", why: `it is found before \`${twin}\`, which is still there` };
  if (path.endsWith(".py") && isTakenModule(path)) {
    return {
      kind: "runner",
      why: "Python finds it before the module of the same name that checks use",
    };
  }
  if (takenPlace.test(path))
    return {
      kind: "runner",
      why: "it is found before the library of the same name that checks use",
    };
  if (takenPrograms.test(base))
    return { kind: "runner", why: "it is called like a program that runs checks" };
  return null;
}

const endings = [
  "",
  ".mjs",
  ".cjs",
  ".js",
  ".mts",
  ".cts",
  ".ts",
  ".jsx",
  ".tsx",
  ".json",
  ".node",
  ".wasm",
];

function findTwin(
  path: string,
  before: ReadonlySet<string>,
  now: ReadonlySet<string>,
): string | null {
  const both = (file: string) => file !== path && before.has(file) && now.has(file);
  if (/\.d\.[cm]?ts$/.test(path)) return null;
  const folder = posix.dirname(path);
  const base = posix.basename(path);
  if (/\.([cm]?[jt]sx?|node|wasm|json)$/.test(base)) {
    const stem = posix.join(folder, base.replace(/\.\w+$/, ""));
    const isIndex = /^(index|package)\./.test(base) && folder !== ".";
    const stems = isIndex ? [folder, stem] : [stem];
    const isData = path.endsWith(".json");
    for (const each of stems) {
      for (const ending of endings) {
        if (isData && each === stem && ending !== ".node" && ending !== ".wasm") continue;
        if (ending === "" && !isData && each === stem) continue;
        if (both(each + ending)) return each + ending;
      }
      if (each === stem && !isData) {
        for (const ending of endings)
          if (both(`${each}/index${ending}`)) return `${each}/index${ending}`;
      }
    }
  }
  if (/\.(py|pyi|so|pyd|pyc)$/.test(base)) {
    const isPackage = base.startsWith("__init__.");
    const stem = isPackage ? folder : posix.join(folder, base.replace(/\..*$/, ""));
    for (const each of [`${stem}.py`, `${stem}/__init__.py`, `${stem}/__main__.py`])
      if (both(each)) return each;
  }
  if (/\.(pm|rb|lua)$/.test(base)) {
    const twin = [...before].find(
      (file) =>
        file !== path &&
        file.endsWith(`/${base}`) &&
        both(file) &&
        /^(lib|inc|local|t\/lib|vendor)\//.test(path) &&
        tailOf(file) === tailOf(path),
    );
    if (twin) return twin;
  }
  return null;
}

/** The path below a library folder: `lib/A/B.pm` → `A/B.pm`. */
function tailOf(path: string): string {
  return path.replace(/^(.*\/)?(lib|inc|vendor|blib|local)\//, "");
}

/** Modules that runners and tests import: Python's standard library and known packages. */
const modules = new Set(
  (
    "abc argparse array ast asyncio atexit base64 bdb binascii bisect builtins bz2 calendar cmd code codecs collections colorsys compileall concurrent configparser contextlib contextvars copy copyreg csv ctypes dataclasses datetime decimal difflib dis doctest email encodings enum errno faulthandler filecmp fileinput fnmatch fractions ftplib functools gc getopt getpass gettext glob graphlib gzip hashlib heapq hmac html http imaplib importlib inspect io ipaddress itertools json keyword linecache locale logging lzma mailbox marshal math mimetypes mmap multiprocessing numbers operator optparse os pathlib pdb pickle pkgutil platform plistlib pprint profile pstats pty queue quopri random re reprlib resource runpy sched secrets select selectors shelve shlex shutil signal site smtplib socket socketserver sqlite3 ssl stat statistics string stringprep struct subprocess sys sysconfig tarfile tempfile textwrap threading time timeit token tokenize tomllib trace traceback tracemalloc types typing unicodedata unittest urllib uuid venv warnings wave weakref webbrowser xml xmlrpc zipapp zipfile zipimport zlib zoneinfo " +
    "pytest _pytest pluggy iniconfig packaging attr attrs py nose nose2 hypothesis mock coverage pytest_cov xdist pytest_mock pytest_asyncio approvaltests syrupy snapshottest behave tox nox robot parameterized ddt freezegun responses requests_mock testtools testfixtures assertpy hamcrest expects faker factory numpy pandas requests six yaml exceptiongroup tomli"
  ).split(" "),
);

/** Whether Python's path leads here: to the root, and to the folders of tests. */
function isTakenModule(path: string): boolean {
  const parts = path.split("/");
  const base = parts.at(-1) ?? "";
  const name = base === "__init__.py" ? parts.at(-2) : base.replace(/\.py$/, "");
  const folder = parts.slice(0, base === "__init__.py" ? -2 : -1).join("/");
  if (name === undefined || !(modules.has(name) || /^pytest_\w+$/.test(name))) {
    return parts.some(
      (part, at) => at < 2 && /^(_?pytest|unittest|pluggy)$/.test(part) && at < parts.length - 1,
    );
  }
  // Inside a package it is found only under the package's name.
  return /^$|^(src|lib|tests?|python|scripts|bin|tools|app)$/.test(folder);
}

const takenPlace =
  /(^|\/)(org\/(junit|hamcrest|assertj|mockito|testng|opentest4j|apiguardian)|junit\/framework|kotlin\/test|Test2?\/(More|Simple|Builder|Harness|Most|Deep|Exception|Differences|API)\b|Test\/\w+\.pm$|TAP\/|App\/Prove|minitest\/|rspec\/|test\/unit|PHPUnit\/)|(^|\/)META-INF\/services\/|(^|\/)(Test|TAP|Carp|strict|warnings|List\/Util|Data\/Dumper|Scalar\/Util)\.pm$|(^|\/)(lib|inc)\/(minitest|rspec|test-unit|set|json|time|securerandom|ostruct|bigdecimal|stringio|tempfile|pp|English)\.rb$|(^|\/)(assert|gtest\/.*|gmock\/.*|catch|catch2\/.*|catch_.*|doctest|unity|unity_\w+|check|cmocka|criterion\/.*|munit|greatest|minunit|ctest|acutest|stdio|stdlib|string|math|stdbool|stdint|setjmp|signal)\.(h|hpp|hh)$|(^|\/)(cassert|cstdlib|cstdio|iostream|vector|string|exception)$/;

const takenPrograms =
  /^(node|npm|npx|pnpm|yarn|bun|deno|python3?|pytest|py\.test|tox|nox|cargo|rustc|go|make|gmake|cmake|ctest|prove|perl|ruby|rspec|rake|bundle|java|mvn|gradle|sh|bash|env|diff|cmp|grep|test|jest|vitest|mocha|ava|tap|tape|c8|nyc|tsc|eslint|just|task|gcc|cc|clang|g\+\+)(\.(cmd|exe|bat|ps1))?$/;
