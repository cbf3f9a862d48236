import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { rolldown } from "rolldown";

/**
 * Makes dist/program, which is what people start: the modules of dist and their dependencies, put
 * together into few files, with the code that V8 compiled of them beside (see deputy.cjs). It needs
 * no other module of ours but dist/sandbox/network/forward.js and dist/sandbox/services/run-services.js,
 * which a sandbox shows alone.
 */
const dist = resolve(import.meta.dirname, "../dist");
const out = join(dist, "program");
/** Programs of their own, by the module that each starts with. */
const programs = {
  main: join(dist, "main.js"),
  "spawner-process": join(dist, "daemon/programs/spawner-process.js"),
};

rmSync(out, { recursive: true, force: true });
await bundle();
copyFileSync(join(import.meta.dirname, "deputy.cjs"), join(out, "deputy.cjs"));
compile();

async function bundle() {
  const made = await rolldown({
    input: programs,
    platform: "node",
    external: ["@fastify/swagger-ui"], // it serves files of its own folder
    logLevel: "silent",
    plugins: [{ name: "paths", transform: { filter: { code: "import.meta.url" }, handler: move } }],
  });
  const name = "[name].cjs";
  await made.write({
    dir: out,
    format: "cjs",
    strict: true,
    entryFileNames: name,
    chunkFileNames: name,
  });
  await made.close();
}

/** What a module names beside itself, as seen from `out`, wherever the package is moved to. */
function move(code, id) {
  if (!id.startsWith(dist)) return;
  return code.replace(/(?<=new URL\(")\.[^"]*(?=", import\.meta\.url\))/g, (path) => {
    const target = join(dirname(id), path);
    if (target === programs.main) return "./deputy.cjs";
    const program = Object.keys(programs).find((name) => programs[name] === target);
    return program ? `./${program}.cjs` : relative(out, target) + (path.endsWith("/") ? "/" : "");
  });
}

/** Runs what loads the daemon and what loads a client, as far as they come without a database. */
function compile() {
  const home = mkdtempSync(join(tmpdir(), "deputy-build-"));
  const env = {
    ...{ PATH: process.env.PATH, HOME: home, DEPUTY_HOME: home, DEPUTY_WRITE_CODE: "1" },
    DATABASE_URL: `postgresql://none@/none?host=${home}`,
  };
  for (const verb of ["up", "ls"])
    spawnSync(process.execPath, [join(out, "deputy.cjs"), verb], { env, timeout: 60_000 });
  rmSync(home, { recursive: true });
  if (!existsSync(join(out, "up.cjs.code")))
    console.warn(
      `${out} has no compiled code, so every start takes longer: deputy up did not run.`,
    );
}
