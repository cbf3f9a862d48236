import { posix } from "node:path";

/**
 * Counts what switches tests off in a test file's text: `it.skip`, `@pytest.mark.skip`, `t.Skip()`
 * and their like, `.only` included, which switches off all the others. A guess by text, for
 * runners that do not name their tests; where they do, the names are believed instead. Pure.
 */
const javascript =
  /\bx(it|describe|test|specify)\s*\(|\b(it|test|describe|context|suite)\s*\.\s*(skip|only|todo|fixme|fails)\b|\b(skip|todo)\s*:\s*(true|["'`])|\b\w+\.skip\(/g;
const python =
  /@(pytest\.mark\.(skip|skipif|xfail)|unittest\.(skip|skipIf|skipUnless|expectedFailure))\b|\bpytest\.(skip|xfail|importorskip)\(|\.skipTest\(/g;
const markers: readonly (readonly [RegExp, RegExp])[] = [
  [/\.[cm]?[jt]sx?$/, javascript],
  [/\.py$/, python],
  [/\.go$/, /\b[tbf]\.Skip(f|Now)?\(|^\/\/go:build ignore/gm],
  [/\.rs$/, /#\[\s*ignore\b/g],
  [/\.(java|kts?|groovy|scala)$/, /@(Disabled|Ignore)\b/g],
  [/\.rb$/, /\b(xit|xdescribe|xcontext|pending)\b|^\s*skip\b|,\s*skip:/gm],
];

export function countSkipMarkers(path: string, text: string): number {
  const marker = markers.find(([name]) => name.test(posix.basename(path)))?.[1];
  return marker ? (text.match(marker)?.length ?? 0) : 0;
}
