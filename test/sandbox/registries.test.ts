import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findSandboxProblems } from "../../src/config/sandbox-problems.ts";
import { readSandbox, sandboxSchema } from "../../src/config/sandbox-settings.ts";
import { isMirrorAddress } from "../../src/sandbox/network/reachable-address.ts";
import {
  findRegistries,
  listRepositoryRegistries,
  namesRegistries,
} from "../../src/sandbox/network/registries.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "deputy-registries-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

test("the user's registries are told to confined commands and let through, and no login of them", async () => {
  await writeFile(
    join(home, ".npmrc"),
    "//npm.acme.example/:_authToken=canary\nregistry = https://ada:canary@npm.acme.example/api/\n@acme:registry=https://ada:canary@scoped.example/npm/\n@plain:registry=http://plain.example/\n@secret:registry=https://$TOKEN.example/\n",
  );
  await mkdir(join(home, ".pip"));
  await writeFile(
    join(home, ".pip/pip.conf"),
    "[global]\nindex-url = https://pip.acme.example/s\n",
  );
  const found = findRegistries(
    { GOPROXY: "https://go.acme.example:8443|direct", PATH: "/bin", OPENAI_API_KEY: "canary" },
    home,
  );
  expect(JSON.stringify(found)).not.toContain("canary");
  expect(found.environment).toMatchObject({
    npm_config_registry: "https://npm.acme.example/api/",
    PIP_INDEX_URL: "https://pip.acme.example/s",
    GOPROXY: "https://go.acme.example:8443/|direct",
  });
  expect(found.npmrc).toBe(
    "@acme:registry=https://scoped.example/npm/\n@plain:registry=http://plain.example/\n",
  );
  expect(found.problems).toEqual([
    expect.stringMatching(/^Nothing is installed from http:\/\/plain\.example \(@plain:registry\)/),
  ]);
  const { command, agent, check } = readSandbox(undefined, new Map(), null, found).networks("/x");
  expect(command).toEqual(
    expect.arrayContaining([
      ...[
        "registry.npmjs.org",
        "npm.acme.example",
        "scoped.example",
        "pip.acme.example",
        "go.acme.example:8443",
      ],
    ]),
  );
  expect([agent, check]).toEqual([[], []]);
});

test("the environment goes before the files; what cannot be reached is said and not let through", async () => {
  await writeFile(join(home, ".npmrc"), "registry=https://other.example/\n");
  for (const [url, why] of [
    ["http://npm.acme.example:4873/", "only HTTPS is let out"],
    ["https://10.0.0.7/", "it has no name"],
    ["https://localhost:4873/", "localhost is another one there"],
  ] as const) {
    const found = findRegistries({ npm_config_registry: url }, home);
    expect(found.environment.npm_config_registry).toBe(url);
    expect(found.hosts).not.toContain("other.example");
    expect(found.hosts).not.toContain(new URL(url).host);
    expect(found.problems.join()).toContain(why);
  }
});

test("a registry's name may lead to a mirror in a private network, any other name may not", () => {
  const own = { environment: {}, npmrc: "", hosts: ["npm.acme.example:8443"], problems: [] };
  const settings = readSandbox({ network: { agent: ["a.example"] } }, new Map(), null, own);
  expect(settings.mayReach("10.0.0.7", "registry.npmjs.org")).toBe(true);
  expect(settings.mayReach("10.0.0.7", "npm.acme.example")).toBe(true);
  expect(settings.mayReach("10.0.0.7", "a.example")).toBe(false);
  expect(settings.mayReach("1.1.1.1", "a.example")).toBe(true);
  for (const address of ["127.0.0.1", "169.254.169.254", "100.100.100.200", "::1", "fd00:ec2::254"])
    expect([address, isMirrorAddress(address)]).toEqual([address, false]);
  const free = readSandbox({ private_addresses: true }, new Map(), null, own);
  expect(free.mayReach("127.0.0.1", "a.example")).toBe(true);
});

test("what of the settings does not come true with the sandbox that there is, is said", () => {
  const settings = readSandbox(
    { network: { agent: "open" }, allow_triggers: true },
    new Map([["/x", { check: "open" as const }]]),
    null,
    { environment: {}, npmrc: "", hosts: [], problems: ["A registry."] },
  );
  expect(findSandboxProblems(settings, { provider: "bubblewrap" })).toEqual(["A registry."]);
  expect(findSandboxProblems(settings, { provider: "sandbox-runtime" })).toEqual([
    "A registry.",
    expect.stringMatching(/^sandbox\.network opens the whole network \(agent\), /),
    expect.stringMatching(/^network of the repository \/x .*\(agent, check\).*do not start/),
  ]);
  expect(findSandboxProblems(settings, { provider: "none" })).toEqual([
    expect.stringContaining(
      "Without a sandbox nothing enforces sandbox.network, the network of /x",
    ),
    expect.stringContaining("sandbox.allow_triggers takes tasks"),
  ]);
  expect(sandboxSchema.safeParse({ network: { agent: ["10.0.0.1"] } }).success).toBe(false);
});

test("a repository's own registries are for setup alone, where nobody wrote a list, and only in public", () => {
  const lock = JSON.stringify({
    packages: {
      a: { resolved: "https://npm.corp.example:8443/a/-/a-1.tgz" },
      b: { resolved: "https://npm.corp.example:8443/b/-/b-1.tgz" },
      c: { resolved: "git+ssh://git@github.example/c.git#1" },
      d: { resolved: "http://plain.example/d.tgz" },
      e: { resolved: "https://10.0.0.7/e.tgz" },
      f: { resolved: "https://ada:canary@login.example/f.tgz" },
    },
  });
  const npmrc =
    "registry=https://mirror.example/\n@corp:registry=https://scoped.example/\n//x/:_authToken=canary\n";
  const named = listRepositoryRegistries(
    new Map([
      [".npmrc", npmrc],
      ["package-lock.json", lock],
    ]),
  );
  expect(named).toEqual([
    ...["mirror.example", "scoped.example", "npm.corp.example:8443", "login.example"],
  ]);
  const none = { environment: {}, npmrc: "", hosts: [], problems: [] };
  const settings = readSandbox(
    undefined,
    new Map([["/x", { setup: "none" as const }]]),
    null,
    none,
  );
  expect(settings.setupReach("/y", named)).toEqual(expect.arrayContaining(named));
  expect(settings.setupReach("/x", named)).toEqual([]);
  expect(settings.networks("/y").command).not.toContain("mirror.example");
  expect(settings.mayReach("10.0.0.7", "mirror.example")).toBe(false);
});

test.each<[file: string, text: string, hosts: string[]]>([
  [
    "yarn.lock",
    'a@^1:\n  version "1.0.0"\n  resolved "https://y.example/a/-/a-1.tgz#ab"\n',
    ["y.example"],
  ],
  [
    ".yarnrc.yml",
    'npmRegistryServer: "https://y.example/npm"\nnpmScopes:\n  a:\n    npmRegistryServer: https://s.example\n    npmAuthToken: canary\n',
    ["y.example", "s.example"],
  ],
  [
    "pnpm-lock.yaml",
    "  a@1.0.0:\n    resolution: {integrity: sha512-a, tarball: https://p.example/a.tgz}\n",
    ["p.example"],
  ],
  [
    "bun.lock",
    '"packages": {\n "a": ["a@1.0.0", "https://b.example/a/-/a-1.0.0.tgz", {}, "sha512-a"],\n "c": ["c@1.0.0", "", {}, "sha512-b"],\n}',
    ["b.example"],
  ],
  [
    "uv.lock",
    'source = { registry = "https://i.example/simple" }\nwheels = [{ url = "https://f.example/a.whl" }]\n',
    ["i.example", "f.example"],
  ],
  [
    "poetry.lock",
    '[package.source]\ntype = "legacy"\nurl = "https://i.example/simple"\n',
    ["i.example"],
  ],
  [
    "Pipfile.lock",
    '{"_meta": {"sources": [{"name": "a", "url": "https://i.example/simple"}]}}',
    ["i.example"],
  ],
  [
    "requirements-dev.txt",
    "--index-url https://i.example/simple\na==1 # https://home.example\n",
    ["i.example"],
  ],
  ["Gemfile.lock", "GEM\n  remote: https://g.example/\n  specs:\n    a (1.0)\n", ["g.example"]],
  [
    "composer.lock",
    '{"packages": [{"source": {"url": "https://git.example/a.git"}, "dist": {"type": "zip", "url": "https://api.github.com/repos/a/b/zipball/1"}, "funding": [{"url": "https://sponsors.example/a"}]}, {"dist": {"type": "zip", "url": "https:\\/\\/c.example\\/a.zip"}}]}',
    ["api.github.com", "codeload.github.com", "c.example"],
  ],
  [
    "Cargo.lock",
    'source = "registry+https://github.com/rust-lang/crates.io-index"\nsource = "sparse+https://c.example/index/"\n',
    ["c.example"],
  ],
  [
    "gradle/wrapper/gradle-wrapper.properties",
    "distributionUrl=https\\://g.example/gradle-8-bin.zip\n",
    ["g.example"],
  ],
  ["go.sum", "https://x.example/", []],
])("the registries that %s names", (file, text, hosts) => {
  expect(listRepositoryRegistries(new Map([[file, text]]))).toEqual(hosts);
  expect(namesRegistries(file)).toBe(hosts.length > 0);
});
