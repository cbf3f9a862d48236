import { spawnSync } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createTestDatabase } from "../support/postgres.ts";

/** The package as npm installs it: in another folder, its dependencies above it. */
const root = resolve(import.meta.dirname, "../..");
let folder: string;
let program: string;
let home: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deputy-moved-"));
  home = join(folder, "home");
  program = join(folder, "deputy", "dist", "program");
  const { files } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  for (const file of ["package.json", ...files])
    await cp(join(root, file), join(folder, "deputy", file), { recursive: true });
  // Its modules are for developers: a program that loaded one would mix two builds.
  await rm(join(folder, "deputy", "dist"), { recursive: true });
  for (const alone of ["sandbox/network/forward.js", "sandbox/services/run-services.js"])
    await cp(join(root, "dist", alone), join(folder, "deputy", "dist", alone));
  const [page, moved] = [join(root, "dist/web"), join(folder, "deputy/dist/web")];
  await cp(page, moved, { recursive: true });
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
});
beforeEach(async () => {
  for (const old of [program, home]) await rm(old, { recursive: true, force: true });
  await cp(join(root, "dist", "program"), program, { recursive: true, preserveTimestamps: true });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function deputy(args: string[], own: Record<string, string> = {}, flags: string[] = []) {
  const env = { PATH: process.env.PATH, HOME: home, DEPUTY_HOME: home, DEPUTY_PORT: "0", ...own };
  const argv = [...flags, join(program, "deputy.cjs"), ...args];
  const ended = spawnSync(process.execPath, argv, { cwd: folder, env, encoding: "utf8" });
  return { exitCode: ended.status, output: ended.stdout + ended.stderr };
}

/** A verb of each kind: one of the client, and one for which the whole daemon is loaded. */
function expectToWork(says = "No daemon runs here", flags: string[] = []) {
  expect(deputy(["ls"], {}, flags)).toMatchObject({
    exitCode: 3,
    output: expect.stringMatching(new RegExp(`^deputy: ${says}`)),
  });
  const env = { DATABASE_URL: `postgresql://none@/none?host=${folder}` };
  expect(deputy(["up"], env, flags)).toMatchObject({
    exitCode: 3,
    output: expect.stringMatching(/^deputy: The database of DATABASE_URL .* cannot be used/),
  });
}

async function changeCode(change: (code: Buffer) => Buffer) {
  const codes = (await readdir(program)).filter((name) => name.endsWith(".code"));
  expect(codes).toContain("main.cjs.code");
  expect(codes).toContain("daemon.cjs.code");
  for (const name of codes)
    await writeFile(join(program, name), change(await readFile(join(program, name))));
}

async function listTimes() {
  const names = await readdir(program);
  return Promise.all(names.map(async (name) => [name, (await stat(join(program, name))).mtimeMs]));
}

test("it finds what it needs, starts itself in the background, and writes nothing beside itself", async () => {
  const database = await createTestDatabase();
  const before = await listTimes();
  try {
    const up = deputy(["up", "--detach", "--json"], { DATABASE_URL: database.url });
    expect(up.exitCode, up.output).toBe(0);
    const { url } = JSON.parse(up.output);
    expect(deputy(["ls", "--json"]).exitCode).toBe(0);
    for (const path of ["/healthz", "/docs/", "/docs/static/swagger-ui.css", "/openapi.json"])
      expect((await fetch(url + path)).status, path).toBe(200);
    const page = await fetch(`${url}/tasks`, { headers: { accept: "text/html" } });
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(deputy(["down"]).exitCode).toBe(0);
  } finally {
    deputy(["down"]); // a test that failed in the middle leaves one
    await database.drop();
  }
  expect(await listTimes()).toEqual(before);
});

test("every file that it names beside itself is there", async () => {
  const named = new Set<string>();
  for (const name of await readdir(program))
    if (name.endsWith(".cjs"))
      for (const [, path = ""] of (await readFile(join(program, name), "utf8")).matchAll(
        /new URL\("(\.[^"]+)", require\("url"\)/g,
      ))
        named.add(path);
  expect(named).toContain("./deputy.cjs");
  expect(named).toContain("./spawner-process.cjs");
  expect(named).toContain("../../prompts/");
  for (const path of named) expect(await stat(join(program, path)), path).toBeTruthy();
});

test("no path of the machine that built it is in it", async () => {
  for (const name of await readdir(program))
    if (name.endsWith(".cjs"))
      expect((await readFile(join(program, name), "utf8")).includes(root), name).toBe(false);
});

test("it works without compiled code", async () => {
  for (const name of await readdir(program))
    if (name.endsWith(".code")) await rm(join(program, name));
  expectToWork();
});

test.each<[string, (code: Buffer) => Buffer]>([
  ["of length 0", () => Buffer.alloc(0)],
  ["cut", (code) => code.subarray(0, code.length / 2)],
  ["garbled", (code) => code.fill(0xa5, code.length / 2, code.length / 2 + 400)],
])("it works with compiled code that is %s", async (_, change) => {
  await changeCode(change);
  expectToWork();
});

test("it works where V8 has other flags than those of the compiled code", () => {
  expectToWork(undefined, ["--max-lazy"]);
});

test("compiled code is not run with another source of the same length", async () => {
  for (const name of (await readdir(program)).filter((name) => name.endsWith(".cjs"))) {
    const path = join(program, name);
    const source = await readFile(path, "utf8");
    await writeFile(path, source.replaceAll("No daemon runs here", "No demon! runs here"));
  }
  expectToWork("No demon! runs here");
});
