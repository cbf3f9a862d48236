import { describe, expect, test } from "vitest";
import { findLfsRemote } from "../../src/worktree/content/lfs-endpoint.ts";
import { parseRepository } from "../../src/worktree/mirror/repository-url.ts";
import { commit, git, makeRepository, mirrorOf } from "./repositories.ts";

/** Where the daemon's credentials go for Git LFS is not for a file of the repository to say. */
const origin = "https://git.example/acme/assets.git";

async function remoteFor(lfsconfig: string | null, url = origin) {
  const source = makeRepository();
  if (lfsconfig !== null) commit(source, { ".lfsconfig": `[lfs]\n\turl = ${lfsconfig}\n` }, "LFS");
  const { mirror, base } = await mirrorOf(source);
  return findLfsRemote(mirror, parseRepository(url), base);
}

describe("a .lfsconfig", () => {
  test("is followed to another place on the remote's own host", async () => {
    const there = "https://git.example/acme/other.git/info/lfs";
    expect(await remoteFor(there)).toMatchObject({ url: origin, config: { "lfs.url": there } });
    expect(await remoteFor(there, "git@git.example:acme/assets.git")).toMatchObject({
      config: { "lfs.url": there },
    });
    expect(await remoteFor(null)).toMatchObject({ url: origin, config: {} });
  });

  test.each([
    "https://evil.example/acme/assets.git/info/lfs",
    "https://git.example.evil.example/info/lfs",
    "https://git.example@evil.example/info/lfs",
    "https://git.example:8443/info/lfs",
    "http://git.example/info/lfs",
    "http://169.254.169.254/latest",
    "file:///etc",
    "ssh://-oProxyCommand=x/y",
    "/etc",
  ])("is not followed to %s", async (url) => {
    expect(await remoteFor(url)).toContain(".lfsconfig names");
  });
});

test("of a checkout it is the user's own configuration, then its remote; without one there is none", async () => {
  const source = makeRepository();
  const { mirror, base } = await mirrorOf(source);
  const find = () => findLfsRemote(mirror, parseRepository(source), base);
  expect(await find()).toBeNull();
  git(source, "remote", "add", "origin", "ext::sh -c evil");
  expect(await find()).toBeNull();
  git(source, "remote", "set-url", "origin", origin);
  expect(await find()).toMatchObject({ url: origin, config: {} });
  git(source, "config", "lfs.url", "https://lfs.example/x");
  expect(await find()).toMatchObject({
    url: origin,
    config: { "lfs.url": "https://lfs.example/x" },
  });
});
