import type { Language } from "../languages.ts";

/** Whether a text declares tests, wherever its file is. Pure; a guess by words, bounded in time. */
const marks: Readonly<Partial<Record<Language, RegExp>>> = {
  js: /\bfrom\s*["'](?:node:test|node:assert[\w/]*|assert|vitest|@jest\/globals|mocha|ava|tape|tap|uvu|jasmine|chai|bun:test|@playwright\/test|@std\/assert|qunit|zora|supertest)["']|\brequire\(\s*["'](?:node:test|mocha|ava|tape|tap|uvu|vitest|chai|node:assert[\w/]*|assert|supertest)["']\s*\)|\bimport\.meta\.vitest\b|["'](?:--?)?self[-_]?(?:test|check)["']|^[ \t]*(?:test|it|describe|suite|Deno\.test)(?:\.\w+)?\(\s*["'`]/m,
  python:
    /^assert\b|^if __name__ == ["']__main__["']:[^\n]*\n[ \t]+(?:assert|import doctest|doctest|unittest)\b|^[ \t]*(?:async[ \t]+)?def[ \t]+test_?\w*\(|^class[ \t]+Test\w*|\(\s*(?:unittest\.)?TestCase\s*\)|^[ \t]*>>>[ \t]|^[ \t]*(?:import|from)[ \t]+(?:pytest|unittest|nose|hypothesis|doctest)\b/m,
  rust: /#\[\s*(?:cfg\s*\(\s*(?:test|all\s*\(\s*test|any\s*\(\s*test)|(?:\w+::)*test\b|rstest|test_case|quickcheck|should_panic|bench\b)|^[ \t]*\/\/[/!][ \t]*```(?!text|ignore|sh|json|toml|console|bash|none)/m,
  go: /\*testing\.(?:T|B|F|M)\b|^import[ \t]+"testing"|^[ \t]*"testing"$/m,
  java: /@(?:Test|ParameterizedTest|RepeatedTest|TestFactory|TestTemplate|Fact|Theory|TestMethod|TestFixture)\b|import[ \t]+(?:static[ \t]+)?(?:org\.junit|org\.testng|kotlin\.test|XCTest|Xunit)|^[ \t]*unittest[ \t\n]*\{|^test[ \t]+"[^"\n]*"[ \t]*\{/m,
  c: /#[ \t]*include[ \t]*[<"](?:gtest|gmock|catch2|catch|doctest|check|unity|cmocka|criterion|cppunit|boost\/test)[\w/.]*[>"]|^[ \t]*(?:TEST|TEST_F|TEST_P|TEST_CASE|SCENARIO|BOOST_AUTO_TEST_CASE|START_TEST|Test)[ \t]*\(/m,
  ruby: /^[ \t]*(?:RSpec\.)?describe\b|<[ \t]*(?:Minitest::Test|Test::Unit::TestCase|ActiveSupport::TestCase)|require[ \t]*["'](?:minitest|rspec|test\/unit)|^[ \t]*iex>[ \t]|use[ \t]+ExUnit|^@testset\b/m,
  perl: /^[ \t]*use[ \t]+Test2?::/m,
  php: /extends[ \t]+(?:\\?PHPUnit\\Framework\\)?TestCase\b|^[ \t]*(?:it|test)\(["']/m,
  shell: /^@test[ \t]|^[ \t]*(?:test_\w+|it_\w+)[ \t]*\([ \t]*\)|\bshunit2\b|^[ \t]*Describe[ \t]/m,
};

const maxLength = 400_000;

export function declaresTests(language: Language | null, text: string | null): boolean {
  if (language === null || text === null) return false;
  return marks[language]?.test(text.slice(0, maxLength)) ?? false;
}
