import { posix } from "node:path";

/** A file's language by its name, for code that reads each language differently. Pure. */
export type Language =
  | "js"
  | "python"
  | "rust"
  | "go"
  | "java"
  | "c"
  | "ruby"
  | "perl"
  | "php"
  | "shell"
  | "other";

const byExtension: readonly (readonly [RegExp, Language])[] = [
  [/^([cm]?[jt]sx?|vue|svelte|astro|coffee)$/, "js"],
  [/^(pyi?|pyx|pyw)$/, "python"],
  [/^rs$/, "rust"],
  [/^go$/, "go"],
  [/^(java|kts?|scala|groovy|gradle|cs|fs|swift|dart|zig|d)$/, "java"],
  [/^(c|cc|cpp|cxx|c\+\+|h|hh|hpp|hxx|m|mm|inc|ipp)$/, "c"],
  [/^(rb|rake|gemspec|exs?|cr|lua|jl|nim)$/, "ruby"],
  [/^(pl|pm|t|psgi)$/, "perl"],
  [/^(php|phpt)$/, "php"],
  [/^(sh|bash|zsh|ksh|fish|bats|ps1|cmd|bat|awk|tcl)$/, "shell"],
  [
    /^(hs|lhs|ml|mli|clj[cs]?|erl|hrl|elm|r|sql|vb|pas|f90|lisp|scm|rkt|sol|v|sv|vhd|tf|proto)$/i,
    "other",
  ],
];

/** Null when the name shows no code. */
export function languageOf(path: string): Language | null {
  const extension = /\.([\w+]+)$/.exec(posix.basename(path))?.[1];
  if (extension === undefined) return null;
  return byExtension.find(([pattern]) => pattern.test(extension))?.[1] ?? null;
}

const documentation =
  /\.(md|mdx|markdown|rst|adoc|asciidoc|org|tex|pod|rdoc|1|5|8)$|(^|\/)(LICEN[CS]E|COPYING|NOTICE|AUTHORS|CONTRIBUTORS|CHANGELOG|CHANGES|HISTORY|README|TODO|CODEOWNERS)(\.\w+)?$/i;

/** Whether the file is text for people. */
export function isDocumentation(path: string): boolean {
  return documentation.test(path);
}

const product =
  /\.(html?|xhtml|css|scss|sass|less|styl|ejs|hbs|mustache|pug|jade|njk|liquid|jinja2?|j2|tmpl|tpl|erb|haml|slim|graphql|gql|prisma|wasm|xslt?|xaml|qml|glsl|wgsl|cu|s|asm|ipynb)$/i;

const manifest =
  /(^|\/)(package|composer|deno|manifest)\.jsonc?$|(^|\/)(Cargo|pyproject)\.toml$|(^|\/)(setup\.cfg|go\.mod|pom\.xml|Gemfile|pubspec\.yaml)$|\.(csproj|gemspec|gradle)$/;

/** Data whose name does not show whether the product or a test reads it. */
export function isData(path: string): boolean {
  const isOther =
    languageOf(path) !== null || isDocumentation(path) || product.test(path) || manifest.test(path);
  return !isOther && posix.extname(path) !== "";
}

/** The language by name, else by the first line of a program. */
export function languageOfText(path: string, text: string | null): Language | null {
  const named = languageOf(path);
  if (named !== null || text === null || !text.startsWith("#!")) return named;
  const line = text.slice(0, 200).split("\n")[0] ?? "";
  if (/\b(node|bun|deno|tsx)\b/.test(line)) return "js";
  if (/python/.test(line)) return "python";
  if (/ruby/.test(line)) return "ruby";
  if (/perl/.test(line)) return "perl";
  if (/php/.test(line)) return "php";
  return "shell";
}
