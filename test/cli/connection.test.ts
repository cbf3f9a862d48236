import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findDaemon } from "../../src/cli/connection.ts";
import { token } from "../http/helpers.ts";
import { makeFolder, makeHome, start, startCliTest } from "./helpers.ts";

test("without a daemon every verb that needs one ends with 3", async () => {
  const surroundings = { home: makeHome(null), cwd: makeFolder() };
  for (const args of [["ls"], ["show", "task_abcdefgh"], ["watch", "task_abcdefgh"]]) {
    const run = await start(surroundings, ...args).done;
    expect(run).toMatchObject({ code: 3, out: "" });
    expect(run.err).toMatch(/^deputy: No daemon runs here .*; start one with: deputy up\n$/);
  }
});

test("a daemon that is gone, and a server that is none, end with 3", async () => {
  const server = createServer((_request, response) => response.end("<html>"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const surroundings = { home: makeHome(url), cwd: makeFolder() };
  const other = await start(surroundings, "ls").done;
  expect(other.code).toBe(3);
  expect(other.err).toContain("is not a Deputy daemon");
  await new Promise((resolve) => server.close(resolve));
  const gone = await start(surroundings, "ls").done;
  expect(gone.code).toBe(3);
  expect(gone.err).toContain(`The daemon at ${url} does not answer (ECONNREFUSED)`);
});

test("a wrong token ends with 2, a failing daemon with 3", async () => {
  const { deputyWith, deputy, service } = await startCliTest();
  const wrong = await deputyWith({ env: { DEPUTY_TOKEN: "wrong" } }, "ls");
  expect(wrong).toMatchObject({ code: 2, err: "deputy: The API token is wrong.\n" });
  service.failWith = new Error("boom");
  const failed = await deputy("show", "task_abcdefgh");
  expect(failed.code).toBe(3);
  expect(failed.err).toContain("Something went wrong inside the daemon");
});

test("DEPUTY_URL wins, and the file's token stays on this machine", () => {
  const home = makeHome("http://127.0.0.1:7777");
  const find = (env: Record<string, string>) => findDaemon({ DEPUTY_HOME: home, ...env });
  expect(find({})).toEqual({ url: "http://127.0.0.1:7777", token });
  expect(find({ DEPUTY_URL: "http://localhost:1/" })).toEqual({ url: "http://localhost:1", token });
  for (const url of ["https://far.example", "http://127.0.0.1.evil.example"]) {
    expect(find({ DEPUTY_URL: url })).toEqual({ url, token: null });
    expect(find({ DEPUTY_URL: url, DEPUTY_TOKEN: "t" }).token).toBe("t");
  }
  expect(() => find({ DEPUTY_URL: "nonsense" })).toThrow("not an http or https URL");
  writeFileSync(join(home, "daemon.json"), "{");
  expect(() => find({})).toThrow("is damaged");
});
