import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scrubbedEnvironment } from "../../src/core/base/child-environment.ts";
import type { WantedTools } from "../../src/core/settings/wanted-tool.ts";
import { noteMissingTools, withTools } from "../../src/sandbox/box/installed-tools.ts";
import { makeSandboxBench, type SandboxBench } from "../support/sandbox.ts";

/** The folders of version managers, as they lay them out, with programs that tell their version. */
let bench: SandboxBench;
let home: string;
beforeAll(async () => {
  bench = await makeSandboxBench();
  home = join(bench.root, "user");
  const program = async (path: string, says: string) => {
    await mkdir(join(home, path, ".."), { recursive: true });
    await writeFile(join(home, path), `#!/bin/sh\necho '${says}'\n`);
    await chmod(join(home, path), 0o755);
  };
  await program("nvm/versions/node/v22.3.0/bin/node", "v22.3.0");
  await program("nvm/versions/node/v20.1.0/bin/node", "v20.1.0");
  await program(".local/share/mise/installs/python/3.12.1/bin/python3", "mise 3.12.1");
  await program(".local/share/mise/installs/deno/2.1.0/deno", "deno 2.1.0");
  await program(".asdf/installs/golang/1.22.1/go/bin/go", "asdf 1.22.1");
  await program(".rbenv/versions/3.2.2/bin/ruby", "rbenv 3.2.2");
  await program(".rustup/toolchains/nightly-2026-01-01-x86_64-unknown-linux-gnu/bin/rustc", "");
  await program(".rustup/toolchains/1.75.0-x86_64-unknown-linux-gnu/bin/rustc", "rustc 1.75.0");
  await program(".local/share/mise/installs/npm-a-b/3.0.1/bin/b", "b 3.0.1");
  await program(".local/share/mise/installs/java/temurin-21/bin/java", "21");
  await program("bin/deno", "deno 1.17.2 (compiled)");
  await program("bin/terraform", "must not be started");
  await program("shims/ruby", "ruby 3.0.0");
});
afterAll(() => bench.remove());

const environment = () => ({
  ...{ HOME: home, NVM_DIR: join(home, "nvm"), GOROOT: "/usr/lib/other-go" },
  PATH: [join(home, "bin"), join(home, "shims"), "/usr/local/bin", "/usr/bin", "/bin"].join(":"),
});
const want = (...wanted: [name: string, version: string][]): WantedTools => ({
  versions: wanted.map(([name, version]) => ({ name, version, by: "a" })),
  usesMise: false,
});

test("installed versions come first on the PATH of a box, of whichever manager they are", async () => {
  const env = environment();
  const tools = want(
    ["node", "22"],
    ["python", "3.12"],
    ["deno", "2"],
    ["go", "1.22.1"],
    ["ruby", "3.2.2"],
    ["rust", "1.75"],
    ["npm:@a/b", "3"],
    ["elixir", "1"],
    ["java", "temurin-21"],
  );
  const inside = withTools(env, tools, []);
  const { output } = await bench.run(
    'node; python3; deno; go; ruby; b; echo "$RUSTUP_TOOLCHAIN $JAVA_HOME $GOROOT"',
    {},
    { env: scrubbedEnvironment(inside, env) },
  );
  const installs = join(home, ".local/share/mise/installs");
  expect(output.trim().split("\n")).toEqual([
    ...["v22.3.0", "mise 3.12.1", "deno 2.1.0", "asdf 1.22.1", "rbenv 3.2.2", "b 3.0.1"],
    `1.75.0-x86_64-unknown-linux-gnu ${installs}/java/temurin-21 ${home}/.asdf/installs/golang/1.22.1/go`,
  ]);
  expect(withTools(env, want(["elixir", "1"], ["rust", "nightly"]), [])).toEqual(env);
});

test("mise may trust worktrees only where the base commit has a file of it", () => {
  const trusted = (usesMise: boolean) =>
    withTools(environment(), { versions: [], usesMise }, ["/w", "/c"]).MISE_TRUSTED_CONFIG_PATHS;
  expect([true, false].map(trusted)).toEqual(["/w:/c", undefined]);
});

test("a version that is not there is said, with what runs in its place", async () => {
  const env = environment();
  const tools = want(
    ["node", "22.3.0"],
    ["deno", "1.17"],
    ["deno", "1.18"],
    ["terraform", "1.9"],
    ["ruby", "3.9"],
    ["no-such-tool", "../x"],
    ["npm:../../shims/ruby", "1"],
    ["constructor", "1"],
  );
  const wants = "The repository wants";
  const lacks = "(a), which this machine does not have";
  expect(await noteMissingTools(tools, env)).toEqual([
    `${wants} deno 1.18 ${lacks}: commands run with 1.17.2.`,
    `${wants} terraform 1.9 ${lacks}: commands run with ${home}/bin/terraform.`,
    `${wants} ruby 3.9 ${lacks}: commands get ${home}/shims/ruby, which may refuse to run.`,
    `${wants} no-such-tool ../x ${lacks}: there is none on its PATH.`,
    `${wants} npm:../../shims/ruby 1 ${lacks}: commands get ${home}/shims/ruby, which may refuse to run.`,
    `${wants} constructor 1 ${lacks}: there is none on its PATH.`,
  ]);
});
