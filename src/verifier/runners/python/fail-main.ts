/**
 * Makes a C or C++ program fail at the start of `main`, by `assert` where it uses that, else by its
 * exit code. Null when it has no `main`. With `say` it prints the token first.
 */
export function failMain(text: string, token: string, say = false): string | null {
  const main = /\bint\s+main\s*\([^)]{0,200}\)\s*\{/.exec(text);
  if (!main) return null;
  const at = main.index + main[0].length;
  const isAsserting = /#\s*include\s*<(?:assert\.h|cassert)>/.test(text);
  // Volatile, or the compiler would drop the code after it and what that links to.
  const fails = isAsserting ? "assert(v == 2);" : "if (v != 2) return 1;";
  const said = say ? `  fprintf(stderr, "${token}\\n");\n` : "";
  const head = say ? "#include <stdio.h>\n" : "";
  return `${head}${text.slice(0, at)}\n${said}  { volatile int v = 1; (void)v; ${fails} }\n${text.slice(at)}`;
}
