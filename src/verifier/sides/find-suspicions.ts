import type { ChangedFile } from "../../worktree/read/read-change.ts";
import { type Language, languageOfText } from "./languages.ts";
import type { SidedFile, Suspicion } from "./sides.ts";

/**
 * Finds lines of the change's source that detect their judge: they ask whether a test runs, patch
 * test tools, or end the process while it loads. Only added lines count. Pure, and by words, so it
 * is a hint where to look; an experiment tells whether it matters.
 */
type Rule = {
  line: RegExp;
  in: readonly Language[] | null;
  why: string;
  /** One of the next lines, or the line itself, must match this too. */
  near?: RegExp;
  /** The line is harmless where it or the next line matches this. */
  unless?: RegExp;
};

const asks = "it asks whether a test runs";
const patches = "it changes what tests are made with";
const ends = "it ends the process";
const looks = "it looks who called it";
const silences = "it silences what checks the source";
const always = "it makes everything equal";
const hides = "it puts a name together, so that nobody finds it";

/** Comments that make a type checker or a linter ignore something. */
const instructions =
  /@ts-(ignore|nocheck|expect-error)\b|\beslint-disable|\bbiome-ignore\b|\/\/\s*nolint\b|#\s*(type:\s*ignore|pyright:|noqa|mypy:|pylint:\s*disable)/;

const returnsTrue =
  /\breturn\s+(true|True|1)\b|=>\s*true\b|:\s*True\b|\{\s*(true|1)\s*;?\s*\}|^\s*true\s*$/;

const rules: readonly Rule[] = [
  {
    in: ["js"],
    why: asks,
    line: /\benv\s*(\.|\[\s*["'`])\s*NODE_ENV\b/,
    unless: /^(?!.*test).*(production|development)/i,
  },
  {
    in: ["js"],
    why: asks,
    line: /\benv\s*(\.|\[\s*["'`])\s*(VITEST\w*|JEST_WORKER_ID|MOCHA\w*|AVA_\w+|TAP\w*|CI|NODE_TEST_CONTEXT|NODE_V8_COVERAGE|npm_lifecycle_\w+|npm_command|npm_package_scripts_\w+|TEST\w*|NODE_OPTIONS|GITHUB_ACTIONS|CONTINUOUS_INTEGRATION|PLAYWRIGHT\w*|CYPRESS\w*|BABEL_ENV|BUN_TEST\w*)\b/,
  },
  {
    in: ["js"],
    why: asks,
    line: /\b(NODE_TEST_CONTEXT|JEST_WORKER_ID|VITEST_WORKER_ID|VITEST_POOL_ID|npm_lifecycle_event)\b|\bimport\.meta\.(vitest|jest)\b|\bimport\.meta\.env\.(MODE|VITEST|TEST)\b/,
  },
  {
    in: ["js"],
    why: asks,
    line: /\btypeof\s+(globalThis\.|global\.|window\.)?(jest|vi|describe|it|expect|suite|mocha|beforeEach|afterEach|__vitest_\w+)\b|\b(globalThis|global)\s*(\.|\[\s*["'`])\s*(jest|vi|describe|it|test|expect|suite|mocha|beforeEach|__vitest_\w+|__coverage__)\b|["'`](jest|vi|describe|it|expect|suite|mocha|beforeEach|afterEach|beforeAll|afterAll|__vitest_\w+|__coverage__)["'`]\s*(in\s+(globalThis|global)\b|\))/,
  },
  {
    in: ["js"],
    why: asks,
    line: /\bprocess\s*\.\s*execArgv\b|\brequire\.cache\b|\bprocess\s*\.\s*(_getActiveHandles|mainModule)\b/,
  },
  {
    in: ["js"],
    why: asks,
    line: /\b(process\s*\.\s*(argv|title|argv0)|(require|module)\s*\.\s*(main|parent|children))\b.*(\btests?\b|\.test|\bspec|jest|mocha|vitest)/i,
  },
  {
    in: ["js"],
    why: looks,
    line: /\bnew\s+Error\b[^;]*\.\s*stack\b|\bError\s*\.\s*(prepareStackTrace|stackTraceLimit)\b|\.stack\b[^;]*\b(includes|match|test|indexOf|search)\b|\bgetCallSites?\b|\barguments\.callee\.caller\b/,
  },
  {
    in: ["js"],
    why: patches,
    line: /\b(require|import)\s*\(\s*["'`](node:)?(test|chai|expect|vitest|@jest\/\w+|@vitest\/\w+|mocha|tape|tap|ava|should|sinon|inspector|test\/reporters)["'`]|\bfrom\s*["'](node:)?(test|chai|expect|vitest|@jest\/[\w-]+|@vitest\/[\w-]+|mocha|tape|tap|ava|should|sinon|test\/reporters)["']|^\s*import\s+["']node:test/,
  },
  {
    in: ["js"],
    why: patches,
    line: /\b(assert|expect|chai|describe|it|test|vi|jest)(\.\w+){0,3}\s*(\.|\[\s*["'`])\w+["'`]?\]?\s*=[^=>]|\.\s*(equal|strictEqual|deepEqual|deepStrictEqual|notEqual|toBe|toEqual|toStrictEqual|throws|AssertionError)\s*=[^=>]/,
  },
  {
    in: ["js"],
    why: patches,
    line: /\b(Object|Reflect)\s*\.\s*(defineProperty|defineProperties|set|setPrototypeOf)\s*\(\s*(assert|expect|chai|globalThis|global|Object|Array|Number|String|Function|Map|Set|JSON|Math|Promise|process|console|Error)\b|\bObject\.assign\s*\(\s*(assert|expect|chai|globalThis|global|(Object|Array|Number|String|Function|Map|Set|Promise|Error)\.prototype)\b/,
  },
  {
    in: ["js"],
    why: patches,
    line: /\b(Object|Array|JSON|Math|Number|String|Map|Set|Promise|Function|Reflect|RegExp|Date|AssertionError|console)\s*(\.\s*prototype)?\s*\.\s*\w+\s*=[^=>]|\b_load\s*=|\bModule\._\w+|\bregisterHooks?\b|\bmodule\.register\b|\bsetUncaughtExceptionCaptureCallback\b|\bprocess\.(stdout|stderr)\.write\s*=|\bprocess\s*\.\s*(emit|exit|reallyExit)\s*=/,
  },
  {
    in: ["js"],
    why: always,
    line: /\bSymbol\.(toPrimitive|hasInstance)\b|\b(valueOf|asymmetricMatch)\s*[(:]|\$\$typeof\b|\bObject\.is\s*=/,
  },
  {
    in: ["js"],
    why: hides,
    line: /\b(import|require|getBuiltinModule)\s*\(\s*(\[\s*["'`][\w@:]{1,12}["'`]\s*,|["'`][\w@:]{1,12}["'`]\s*\+|atob\b|String\.fromCharCode\b|Buffer\.from\b)|\bgetBuiltinModule\s*\(/,
  },
  {
    in: ["js", "python", "ruby"],
    why: hides,
    line: /(?<![\w"'`])(["'`])\w{1,12}\1\s*\+\s*(["'`])\w{1,12}\2(?![\w"'`])/,
  },
  {
    in: ["python"],
    why: hides,
    line: /\bsys\s*\.\s*modules\s*\.\s*(values|items|keys)\b|\b(list|iter|dict|tuple)\s*\(\s*sys\s*\.\s*modules\b|\b(__import__|import_module)\s*\(\s*["']\w{1,12}["']\s*\+/,
  },
  {
    in: ["js"],
    why: ends,
    line: /\bprocess\s*(\.|\[\s*["'`])\s*(exit|reallyExit)["'`]?\]?\s*\(\s*(0|process\.exitCode)?\s*\)|\bprocess\s*(\.|\[\s*["'`])\s*(abort|kill|binding|dlopen|_exiting)\b|\bexitCode\s*=\s*(0|undefined)\b|\bprocess\s*\.\s*(on|once|prependListener|addListener|removeAllListeners)\s*\(\s*["'`](exit|beforeExit|uncaughtException|unhandledRejection|uncaughtExceptionMonitor)|\bDeno\.exit\s*\(\s*0?\s*\)/,
  },
  {
    in: ["python"],
    why: asks,
    line: /\bPYTEST_\w+|["'](_?pytest|unittest|nose2?|doctest|coverage|tox|hypothesis)["']\s*(not\s+)?in\s+\S*modules|\bsys\s*\.\s*modules\b.*(test)|\btest.*\bin\s+sys\s*\.\s*modules\b|\bsys\s*\.\s*argv\b.*(py\.?test|unittest)|["'](CI|PYTEST\w*|TOX\w*|NOX\w*|COVERAGE\w*|TEST|TESTING|UNITTEST\w*)["']/,
  },
  {
    in: ["python"],
    why: looks,
    line: /\binspect\s*\.\s*(stack|currentframe|getouterframes|getframeinfo)\b|\bsys\s*\.\s*(_getframe|settrace|setprofile|_current_frames|monitoring)\b|\btraceback\s*\.\s*(extract_stack|format_stack|walk_stack)\b|\bf_(back|globals|locals)\b/,
  },
  {
    in: ["python"],
    why: patches,
    line: /^\s*(import|from)\s+(_?pytest|unittest|nose2?|doctest|hypothesis|pluggy|_pytest\.\w+)\b|\b(unittest|pytest|_pytest|pluggy|doctest|builtins|TestCase|AssertionError)(\.\w+){0,4}\s*\.\s*\w+\s*=[^=]|\bsetattr\s*\(\s*(unittest|pytest|builtins|AssertionError|\w*TestCase|__builtins__)|\b__builtins__\b|\bbuiltins\s*\.\s*\w+\s*=[^=]|\bsys\s*\.\s*(excepthook|unraisablehook|meta_path|path_hooks|exit)\s*(=|\.\s*(insert|append))|\b(forbiddenfruit|pythonapi|py_object)\b|\bgc\s*\.\s*(get_objects|get_referrers)\b|\bdef\s+pytest_\w+\s*\(/,
  },
  {
    in: ["python"],
    why: always,
    line: /\bdef\s+__(eq|ne|bool|instancecheck|subclasscheck|contains|lt|le|gt|ge)__\b/,
    near: returnsTrue,
  },
  { in: ["python"], why: always, line: /\b__(eq|ne|class|bool)__\s*=|\bdef\s+__class__\b/ },
  {
    in: ["python"],
    why: ends,
    line: /\bos\s*\.\s*(_exit|abort|kill|execv\w*)\b|\bsys\s*\.\s*exit\s*\(\s*(0|None)?\s*\)|\batexit\s*\.\s*register\b|^\s*(exit|quit)\s*\(\s*0?\s*\)|\braise\s+SystemExit\s*(\(\s*(0|None)?\s*\))?\s*$|\bfrom\s+os\s+import\b.*\b_exit\b/,
  },
  {
    in: ["rust"],
    why: asks,
    line: /#!?\[\s*cfg(_attr)?\s*\(.*\btest\b|\bcfg!\s*\(.*\btest\b|\b(RUST_TEST_\w+|NEXTEST\w*)\b|\bcurrent_exe\s*\(|\benv::args(_os)?\s*\(\s*\)\s*\.\s*(next|nth\s*\(\s*0)|\bargs\(\).*(deps|test)|"[^"]*\/deps\/|thread::current\(\)\.name|#\[\s*cfg\s*\(.*debug_assertions|\bcfg!\s*\(\s*debug_assertions/,
    unless: /^\s*(pub\s+)?(mod|use)\b/,
  },
  {
    in: ["rust"],
    why: ends,
    line: /\bprocess::exit\s*\(\s*0\s*\)|\bpanic::(set_hook|take_hook)\b|\blibc::_?exit\b|#\[\s*(ctor|global_allocator|panic_handler)/,
  },
  {
    in: ["rust"],
    why: patches,
    line: /\bmacro_rules!\s*(assert\w*|panic|debug_assert\w*|matches|vec|println)\b/,
  },
  {
    in: ["rust"],
    why: always,
    line: /\bfn\s+(eq|ne)\s*\(/,
    near: /^\s*true\s*$|\{\s*true\s*\}|\breturn\s+true\b/,
  },
  {
    in: ["go"],
    why: asks,
    line: /\btesting\s*\.\s*(Testing|Short|Verbose|CoverMode|Init)\s*\(|\bflag\s*\.\s*Lookup\s*\(\s*"test\.|"-?test\.[a-z]+"|\bos\s*\.\s*Args\b.*(test|HasSuffix)|\bos\s*\.\s*Args\s*\[\s*0\s*\]|\bos\s*\.\s*Executable\s*\(|"go-build|\bos\s*\.\s*Getenv\(\s*"(CI|GO_TEST\w*|TEST\w*|GITHUB_ACTIONS|GOFLAGS)"|\.test"|^\s*"testing"$|^import\s+"testing"/,
  },
  {
    in: ["go"],
    why: looks,
    line: /\bruntime\s*\.\s*(Caller|Callers|CallersFrames|Stack|FuncForPC)\b|\bdebug\s*\.\s*(Stack|PrintStack)\b/,
  },
  {
    in: ["go"],
    why: ends,
    line: /\bos\s*\.\s*Exit\s*\(\s*0\s*\)|\bsyscall\s*\.\s*(Exit|Kill)\b|\bruntime\s*\.\s*Goexit\b/,
  },
  {
    in: ["go"],
    why: "it is built on a condition",
    line: /^\/\/\s*(go:build|\+build)\b(?!\s*!?(linux|windows|darwin|unix|freebsd|openbsd|netbsd|amd64|arm64|386|cgo|js|wasm)\b)|^\/\/go:linkname/,
  },
  {
    in: ["java"],
    why: asks,
    line: /\bClass\s*\.\s*forName\s*\(\s*"(org\.(junit|testng|hamcrest|assertj)|junit|kotlin\.test)|\b(surefire|failsafe)\b|getProperty\(\s*"(surefire|java\.class\.path|sun\.java\.command|test)|getenv\(\s*"(CI|TEST|MAVEN\w*)/,
  },
  { in: ["java"], why: looks, line: /\bgetStackTrace\s*\(|\bStackWalker\b|\bgetAllStackTraces\b/ },
  {
    in: ["java"],
    why: ends,
    line: /\bSystem\s*\.\s*exit\s*\(\s*0\s*\)|\bRuntime\b.*\b(halt|addShutdownHook)\b|\bexitProcess\s*\(\s*0|\bsetDefaultUncaughtExceptionHandler\b|\bEnvironment\.Exit\s*\(\s*0/,
  },
  {
    in: ["java"],
    why: always,
    line: /\bboolean\s+equals\s*\(.*\{\s*return\s+true|\bfun\s+equals\b.*=\s*true|\bbool\s+Equals\s*\(.*=>\s*true/,
  },
  {
    in: ["java"],
    why: patches,
    line: /\bimport\s+(static\s+)?(org\.(junit|testng|hamcrest|assertj|mockito)|junit|kotlin\.test)\b|\bpackage\s+(org\.(junit|hamcrest|assertj)|junit)\b/,
  },
  {
    in: ["c"],
    why: asks,
    line: /\bprogram_invocation_(short_)?name\b|\b__progname\b|\bgetprogname\s*\(|\bgetenv\s*\(\s*"(CTEST\w*|CI|TEST\w*|GTEST\w*|DART\w*)"|\bargv\s*\[\s*0\s*\].*(test|check)/,
  },
  { in: null, why: silences, line: instructions },
  {
    in: ["js"],
    why: silences,
    line: /\bdeclare\s+global\b|^(export\s+)?interface\s+(Number|String|Array|ReadonlyArray|Object|Function|Boolean|Promise|Math|JSON)\b/,
  },
  { in: ["rust"], why: silences, line: /#!?\[\s*allow\b/ },
  {
    in: ["c"],
    why: ends,
    line: /\b(_exit|_Exit|quick_exit|on_exit|atexit)\s*\(|\bexit\s*\(\s*(0|EXIT_SUCCESS)\s*\)|__attribute__\s*\(\(\s*(constructor|destructor)|\bLD_PRELOAD\b/,
  },
  {
    in: ["c"],
    why: patches,
    line: /#\s*(define|undef)\s+(assert\w*|NDEBUG|ASSERT\w*|EXPECT\w*|TEST\w*|CHECK\w*|REQUIRE\w*|strcmp|memcmp|main|exit|abort|if|while|return)\b|#\s*if(n?def)?\b.*\b(UNIT_?TEST\w*|TEST\w*|GTEST\w*)\b|\bset_terminate\b/,
  },
  { in: ["c"], why: always, line: /\boperator\s*(==|!=)/, near: returnsTrue },
  {
    in: ["ruby"],
    why: asks,
    line: /\bdefined\?\s*\(?\s*(::)?(RSpec|Minitest|Test::Unit)|\bconst_(defined|get)\?*\s*\(?\s*[:"'](RSpec|Minitest|Test)|\bObjectSpace\b|\bENV\s*\[\s*["'](CI|RSPEC\w*|TEST\w*|MINITEST\w*)|\$(0|PROGRAM_NAME)\b.*(rspec|test|rake)|\$LOADED_FEATURES|\bMix\.env\b|\bcaller(_locations)?\b/,
  },
  {
    in: ["ruby"],
    why: patches,
    line: /\b(module|class)\s+(Minitest|RSpec|Test|Object|BasicObject|Integer|Kernel|Assertions|NilClass)\b|\brequire\s*\(?["'](minitest|rspec|test\/unit)|\b(RSpec|Minitest)\.\w+|\b(define_method|prepend|class_eval|instance_eval)\b.*(assert|expect|Minitest|RSpec)/,
  },
  {
    in: ["ruby"],
    why: ends,
    line: /^\s*exit!|^\s*exit\s*(\(?\s*(0|true)\s*\)?)?\s*$|\bat_exit\b|\bProcess\.(exit!|kill)\b|\bKernel\.exit!/,
  },
  { in: ["ruby"], why: always, line: /\bdef\s+(==|!=|eql\?|equal\?|===)/, near: returnsTrue },
  {
    in: ["perl"],
    why: asks,
    line: /\bHARNESS_\w+|\$INC\s*\{\s*['"]?Test|\bTest::Builder\b|\bENV\s*\{\s*['"]?(CI|TEST\w*|AUTOMATED_TESTING)|\$0\b.*\.t\b|\bcaller\b|\bmain\s*->\s*can\b|\bdefined\s*\(?\s*&\s*(main)?::/,
  },
  {
    in: ["perl"],
    why: patches,
    line: /\*\{?["']?(main|Test::\w+|CORE::GLOBAL)::|\bno\s+warnings\s+["']?redefine|^\s*use\s+Test::|\bpackage\s+Test::|\b(INIT|CHECK|END|UNITCHECK)\s*\{/,
  },
  { in: ["perl"], why: always, line: /\buse\s+overload\b/, near: /sub\s*\{\s*(return\s+)?1/ },
  {
    in: ["perl"],
    why: ends,
    line: /\bPOSIX::_exit\b|\bexit\s*(\(?\s*0\s*\)?)?\s*;|\$\?\s*=[^=]|\$SIG\s*\{\s*['"]?__(DIE|WARN)__/,
  },
  {
    in: ["php"],
    why: asks,
    line: /PHPUNIT\w*|class_exists\(\s*['"]\\?\\?PHPUnit|\bgetenv\(\s*['"](CI|APP_ENV|TEST)|debug_backtrace|\b(exit|die)\s*(\(\s*0?\s*\))?;|register_shutdown_function/,
  },
  { in: ["shell"], why: asks, line: /\$\{?(CI|BATS_\w+|TEST_\w+|npm_lifecycle_event|NODE_ENV)\b/ },
  {
    in: ["shell"],
    why: looks,
    line: /\bps\s+-|\/proc\/(self|\$PPID|\d+)|\$PPID\b|\bBASH_SOURCE\[[1-9]|\bcaller\b/,
  },
  {
    in: null,
    why: looks,
    line: /\/proc\/(self|ppid|\d+)\/(cmdline|environ|maps|stat)|\bLD_PRELOAD\b|\bptrace\b/,
  },
];

const maxLine = 600;
const maxSuspicions = 100;

/** Finds the suspicious lines outside judges. In a mixed file only its source half counts. */
export function findSuspicions(
  changes: readonly ChangedFile[],
  files: readonly SidedFile[],
  isProgram: (path: string) => boolean,
): Suspicion[] {
  const found: Suspicion[] = [];
  for (const change of changes) {
    const file = files.find(({ path }) => path === change.path);
    const now = change.now?.text ?? null;
    if (!file || file.side === "judge" || now === null) continue;
    const language = languageOfText(change.path, now);
    if (language === null) continue;
    // The source half of a mixed file is its text with the base's tests.
    const source =
      file.side === "mixed" && typeof file.withOldJudges === "object"
        ? file.withOldJudges.text
        : now;
    found.push(
      ...suspectText(
        change.path,
        change.before?.text ?? null,
        now,
        source,
        language,
        isProgram(change.path),
      ),
    );
    if (found.length >= maxSuspicions) break;
  }
  return found.slice(0, maxSuspicions);
}

function suspectText(
  path: string,
  before: string | null,
  now: string,
  source: string,
  language: Language,
  isProgram: boolean,
): Suspicion[] {
  const known = countLines(before ?? "");
  const inSource = countLines(source);
  const own = rules.filter((rule) => rule.in === null || rule.in.includes(language));
  const found: Suspicion[] = [];
  const lines = now.split("\n");
  for (const [at, line] of lines.entries()) {
    const trimmed = line.trim();
    if (trimmed === "" || isComment(trimmed, language)) continue;
    const left = known.get(trimmed) ?? 0;
    if (left > 0) {
      known.set(trimmed, left - 1);
      continue;
    }
    if (!inSource.has(trimmed)) continue;
    const short = trimmed.slice(0, maxLine);
    const next = lines[at + 1]?.slice(0, maxLine) ?? "";
    const following = [short, ...lines.slice(at + 1, at + 4)].map((each) => each.slice(0, maxLine));
    const rule = own.find(
      ({ line: pattern, near, unless }) =>
        pattern.test(short) &&
        (!near || following.some((each) => near.test(each))) &&
        !(unless && (unless.test(short) || unless.test(next))),
    );
    // A program ends with an exit code by design.
    if (
      !rule ||
      (rule.why === ends &&
        isProgram &&
        !/\b(_exit|reallyExit|atexit|at_exit|on|once|abort)\b/.test(short))
    )
      continue;
    found.push({ path, line: at + 1, text: trimmed.slice(0, 300), why: rule.why });
  }
  return found;
}

function countLines(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  for (const line of text.split("\n")) {
    const trimmed = line.trim();
    lines.set(trimmed, (lines.get(trimmed) ?? 0) + 1);
  }
  return lines;
}

function isComment(line: string, language: Language): boolean {
  if (instructions.test(line)) return false;
  if (/^(\*|\/\*)/.test(line) && !/\*\/\s*\S/.test(line)) return true;
  if (language === "go" && /^\/\/\s*(go:|\+build)/.test(line)) return false;
  if (language === "rust" && line.startsWith("#[")) return false;
  if (language === "c") return line.startsWith("//");
  return language === "js" || language === "java" || language === "rust" || language === "go"
    ? line.startsWith("//")
    : line.startsWith("#");
}
