import { execFile } from "node:child_process";
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/**
 * The real sandbox-runtime, as a user who is not root: for root it is not used. What is needed is
 * copied to where that user can read it.
 */
const nobody = { uid: 65_534, gid: 65_534 };
const isRoot = process.getuid?.() === 0;

type Run = {
  denials: { what: string; known: string }[];
  endedBy: string;
  exitCode: number | null;
  limit: string | null;
  output: string;
};
type Told = {
  provider: string;
  problem?: string;
  results: Record<string, Run>;
  refused: { host: string; reason: string }[];
  left: string[];
  home: string;
  token: string;
};

let place: string;
let told: Told;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "deputy-srt-"));
  await chmod(place, 0o755);
  const root = join(place, "root");
  const home = join(place, "user");
  for (const folder of [root, home]) {
    await mkdir(folder);
    if (isRoot) await chown(folder, nobody.uid, nobody.gid);
  }
  const project = resolve(import.meta.dirname, "../..");
  await cp(join(project, "dist"), join(place, "dist"), { recursive: true });
  await cp(join(project, "package.json"), join(place, "package.json"));
  const library = "node_modules/ipaddr.js"; // the one that the sandbox's modules load
  await cp(join(project, library), join(place, library), { recursive: true });
  await cp(process.env.DEPUTY_SRT ?? "", join(place, "srt"), {
    ...{ recursive: true, verbatimSymlinks: true },
  });
  const driver = join(place, "driver.mjs");
  await cp(join(import.meta.dirname, "sandbox-runtime-driver.mjs"), driver);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [driver, join(place, "dist"), root],
    {
      cwd: root,
      env: {
        ...{ HOME: home, CANARY: "canary-environment" },
        PATH: `${join(place, "srt", "node_modules", ".bin")}:${process.env.PATH}`,
      },
      ...(isRoot ? nobody : {}),
    },
  );
  told = JSON.parse(stdout);
}, 120_000);
afterAll(() => rm(place, { recursive: true, force: true }));

const resultOf = (name: string): Run => {
  const run = told.results[name];
  if (!run) throw new Error(`the driver did not run ${name}: ${JSON.stringify(told)}`);
  return run;
};

test("it is used for a user who is not root", () => {
  expect(told, told.problem).toMatchObject({ provider: "sandbox-runtime" });
});

describe("a command", () => {
  test("works in its worktree, in /tmp and in a home of its own that lasts", () => {
    expect(resultOf("works")).toMatchObject({ endedBy: "exit", exitCode: 7, limit: null });
    expect(resultOf("works").output).toMatch(/^t\n/);
    expect(resultOf("lasts").output).toMatch(/^kept\ngit version .*\nv\d+/);
  });

  test("writes nowhere else", async () => {
    const { denials, output } = resultOf("writes");
    expect(denials).toContainEqual(expect.objectContaining({ what: "write" }));
    expect(output).toContain("cannot create .git: Read-only file system");
    expect(output).toContain("cannot create /usr/x");
    // The folders around the worktree are memory in there: what is written to them is nowhere.
    for (const folder of [told.home, join(place, "root")]) {
      expect(await readdir(folder)).not.toContain("x");
    }
    expect(await readFile(told.token, "utf8")).toBe("canary-token\n");
    expect(await readFile(join(place, "root", "worktree", ".git"), "utf8")).toBe("gitdir: x\n");
  });

  test("reads no secret: not the home's, not the daemon's, not its environment", () => {
    expect(resultOf("reads").output).not.toMatch(/canary/i);
    expect(resultOf("reads").output).toContain("id_rsa");
  });

  test("reaches nothing without a network, and with a list what is on it", () => {
    expect(resultOf("network").output).not.toContain("the registry");
    expect(resultOf("network").denials).toContainEqual(
      expect.objectContaining({ what: "network" }),
    );
    expect(resultOf("allowed").output).toMatch(/^the registry/);
    expect(told.refused).toEqual([{ host: "other.example", port: 443, reason: "not on the list" }]);
  });

  test("does not end the daemon, and is ended for a full disk", () => {
    expect(resultOf("kill").endedBy).toBe("exit");
    expect(resultOf("disk")).toMatchObject({ limit: "disk" });
  });

  test("leaves nothing of sandbox-runtime in the worktree", () => {
    expect(told.left).toEqual([".git", "ok"]);
  });
});
