import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { buildProgram } from "../../src/cli/program.ts";
import { repositoryConfigSchema } from "../../src/core/settings/repository-config.ts";

/** What the documents name exists: scripts, verbs, options, files, settings, routes, imports. */
const root = resolve(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const filesBelow = (folder: string, extension: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(extension))
    .map((path) => join(folder, path));

const top = ["README.md", "ARCHITECTURE.md", "AGENTS.md", "CHANGELOG.md"];
const skills = filesBelow("skills", ".md");
const documents = [...top, ...filesBelow("docs", ".md"), ...skills].map((path) => ({
  path,
  text: read(path),
}));
const missing = (wanted: readonly string[], text: string) =>
  wanted.filter((name) => !text.includes(name));

test("npm scripts that are named exist", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const strays = documents.flatMap(({ path, text }) =>
    [...text.matchAll(/\bnpm run ([\w:-]+)/g)]
      .filter(([, name = ""]) => !(name in scripts))
      .map(([command]) => `${path}: ${command}`),
  );
  expect(strays).toEqual([]);
  expect(scripts).toHaveProperty("test");
});

test("verbs and options of deputy that are named exist", () => {
  const nothing = async () => 0 as const;
  const program = buildProgram(
    {
      ...{ up: nothing, down: nothing, worker: nothing, doctor: nothing, demo: nothing },
      ...{ installMcp: nothing, prove: nothing },
      ...{ connectGithub: nothing, githubStatus: nothing, disconnectGithub: nothing },
    },
    { openBrowser: async () => null, drawQr: async () => "" },
  );
  const verbs = new Map(program.commands.map((verb) => [verb.name(), verb]));
  const strays: string[] = [];
  let seen = 0;
  for (const { path, text } of documents) {
    for (const [line, name = "", rest = ""] of commandsIn(text)) {
      seen++;
      const verb = verbs.get(name);
      const sub = verb?.commands.find((one) => rest.trim().startsWith(one.name()));
      const known = (sub ?? verb)?.options.flatMap(({ long, short }) => [long, short]) ?? [];
      // What stands in quotes belongs to another program.
      const options = rest.replace(/'[^']*'|"[^"]*"/g, "").match(/(?<=\s)--?[a-z][\w-]*/g) ?? [];
      if (!verb || options.some((option) => !known.includes(option)))
        strays.push(`${path}: ${line}`);
    }
  }
  expect(strays).toEqual([]);
  expect(seen).toBeGreaterThan(30);
  expect(missing([...verbs.keys()], read("README.md"))).toEqual([]);
});

/** `deputy …` where it is code: a line of a block (continued by a backslash), or a span. */
function commandsIn(text: string): RegExpMatchArray[] {
  const joined = text.replace(/\\\n\s*/g, " ");
  const blocks = [...joined.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, code = ""]) => code);
  const spans = [...joined.matchAll(/`(deputy [^`\n]+)`/g)].map(([, code = ""]) => code);
  const lines = [...blocks.join("\n").split("\n"), ...spans];
  return lines.flatMap((line) => {
    const found = /^(?:.*&& )?deputy ([a-z]+)\b([^#;]*)/.exec(line.trim());
    return found ? [found] : [];
  });
}

test("relative links and files that are named exist", () => {
  const strays = documents.flatMap(({ path, text }) => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = ""]) => target.split("#")[0] ?? "")
      .filter((target) => target !== "" && !/^[a-z]+:/.test(target))
      .map((target) => join(dirname(path), target));
    const named = [...text.matchAll(/`((?:src|test|docs|skills|prompts|bench)\/[\w./-]+)`/g)].map(
      ([, target = ""]) => target,
    );
    return [...links, ...named]
      .filter((target) => !existsSync(join(root, target)))
      .map((target) => `${path}: ${target}`);
  });
  expect(strays).toEqual([]);
});

test("files that ARCHITECTURE and docs/inside name within src exist", () => {
  const files = filesBelow("src", ".ts").map((path) => relative("src", path));
  const named = [
    ...`${read("ARCHITECTURE.md")}${read("docs/inside.md")}`.matchAll(/`([\w/-]+\.ts)`/g),
  ].map(([, name = ""]) => name);
  const strays = named.filter(
    (name) =>
      !existsSync(join(root, name)) &&
      !files.some((file) => file === name || file.endsWith(`/${name}`)),
  );
  expect(strays).toEqual([]);
});

test("the import table of ARCHITECTURE is the one that is enforced", () => {
  const source = /const mayImport[^{]*\{([\s\S]*?)\n\};/.exec(read("test/architecture.test.ts"));
  const enforced = [...(source?.[1] ?? "").matchAll(/(\w+): \[(.*)\]/g)].map(
    ([, room, list = ""]) =>
      [`| ${room} | `, ` | ${list.replaceAll('"', "")} |`.replace("|  |", "| |")] as const,
  );
  expect(enforced.length).toBeGreaterThan(10);
  const lines = read("ARCHITECTURE.md").split("\n");
  const strays = enforced.filter(
    ([start, end]) => !lines.some((line) => line.startsWith(start) && line.endsWith(end)),
  );
  expect(strays).toEqual([]);
});

test("every setting is described", () => {
  const text = read("docs/configuration.md");
  const source = read("src/config/config.ts") + read("src/config/notify-settings.ts");
  const variables = [
    ...source.matchAll(
      /\benv\.([A-Z_]+)|(?:readSecret|readNumber|readIncoming)\(\s*env,\s*"([A-Z_]+)"/g,
    ),
  ].map(([, direct, called]) => `\`${direct ?? called}\``);
  expect(variables.length).toBeGreaterThan(15);
  expect(missing(variables, text)).toEqual([]);
  const schema = /const fileSchema[\s\S]*?\n\}\);/.exec(source)?.[0] ?? "";
  const keys = [...schema.matchAll(/\b([a-z_]+): z\b/g)].map(([, key]) => `${key}:`);
  expect(keys.length).toBeGreaterThan(10);
  expect(missing(keys, text)).toEqual([]);
  expect(missing(Object.keys(repositoryConfigSchema.shape), text)).toEqual([]);
});

test("docker compose and .env.example name each variable that the table of the environment does", () => {
  const text = read("docs/configuration.md");
  const table = text.slice(text.indexOf("## Environment"), text.indexOf("For the client only"));
  const described = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = ""]) => {
    const names = [...cell.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name);
    return [...names, ...(cell.includes("(or file)") ? names.map((name) => `${name}_FILE`) : [])];
  });
  const example = [...read(".env.example").matchAll(/^#? ?([A-Z]\w+)=/gm)].map(([, name]) => name);
  const compose = parse(read("docker-compose.yml"), { merge: true });
  const { daemon, postgres } = compose.services;
  const own = Object.keys(postgres.environment).filter((name) => example.includes(name));
  expect(own).toEqual(["POSTGRES_PASSWORD"]);
  expect(new Set(example)).toEqual(new Set([...described, ...own]));
  expect(new Set(Object.keys(daemon.environment))).toEqual(new Set(described));
});

test("every route is described", () => {
  const source = filesBelow("src/http", ".ts").map(read).join("\n");
  const routes = [...source.matchAll(/app\.(get|post)\(\s*"(\/[^"]+)"/g)].map(
    ([, method = "", path = ""]) => `${method.toUpperCase()} ${path}`,
  );
  // What the page consists of is nobody's interface.
  const isPage = (route: string) => /^GET \/(assets\/\*|:file)/.test(route);
  expect(routes.length).toBeGreaterThan(15);
  expect(
    missing(
      routes.filter((route) => !isPage(route)),
      read("docs/http-api.md"),
    ),
  ).toEqual([]);
});

test("skills have the front matter that agents look for", () => {
  const files = skills.filter((path) => basename(path) === "SKILL.md");
  expect(files.length).toBeGreaterThan(1);
  for (const path of files) {
    const [, matter = ""] = /^---\n([\s\S]*?)\n---\n/.exec(read(path)) ?? [];
    const { name, description } = parse(matter) as Record<string, string>;
    expect(name).toBe(basename(dirname(path)));
    expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(name?.length).toBeLessThanOrEqual(64);
    expect(description?.length).toBeGreaterThan(40);
    expect(description?.length).toBeLessThanOrEqual(1024);
    expect(read(path).split("\n").length).toBeLessThan(500);
  }
});

test("short files are short, and CLAUDE.md is AGENTS.md", () => {
  expect(read("CLAUDE.md").trim()).toBe("@AGENTS.md");
  expect(read("AGENTS.md").split("\n").length).toBeLessThan(60);
  const records = filesBelow("docs/adr", ".md").filter((path) => !path.endsWith("README.md"));
  const long = records.filter((path) => read(path).split("\n").length > 36);
  expect(long).toEqual([]);
});

test("no document speaks of one machine", () => {
  const strays = documents.filter(({ text }) =>
    /(^|[\s"'`(=])\/(work|root|Users|home\/(?!me\/)\w+)\//m.test(text),
  );
  expect(strays.map(({ path }) => path)).toEqual([]);
});
