import { lstat, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { homeOf, makeHome } from "../../src/agents/cli/make-home.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

let scratch: Scratch;
beforeAll(async () => {
  scratch = await makeScratch();
});
afterAll(() => scratch.remove());

test("links that an agent left in its session's folder do not lead the daemon to the user's home", async () => {
  const user = scratch.at("user");
  await mkdir(join(user, ".agent"), { recursive: true });
  await writeFile(join(user, ".agent/config"), "the user's\n");
  await writeFile(join(user, ".agent/login"), "the user's login\n");
  await writeFile(scratch.at("lent"), "the login\n");
  const wanted = {
    files: { ".agent/config": "ours\n" },
    login: { file: ".agent/login", lent: scratch.at("lent") },
  };
  for (const place of ["home", "home/.agent", "home/.agent/config"]) {
    const session = scratch.at(`session-${place.replaceAll("/", "-")}`);
    await mkdir(join(session, place, ".."), { recursive: true });
    await symlink(place === "home" ? user : join(user, place.slice(5)), join(session, place));
    await makeHome(session, wanted);
    expect((await lstat(homeOf(session))).isDirectory()).toBe(true);
    expect(await readFile(join(homeOf(session), ".agent/config"), "utf8")).toBe("ours\n");
    expect(await readFile(join(homeOf(session), ".agent/login"), "utf8")).toBe("the login\n");
  }
  expect(await readFile(join(user, ".agent/config"), "utf8")).toBe("the user's\n");
  expect(await readFile(join(user, ".agent/login"), "utf8")).toBe("the user's login\n");
  expect(await readdir(join(user, ".agent"))).toEqual(["config", "login"]);
});
