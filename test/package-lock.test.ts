import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { minVersion, satisfies } from "semver";
import { expect, test } from "vitest";

type Locked = {
  version?: string;
  resolved?: string;
  optionalDependencies?: Record<string, string>;
  engines?: { node?: string };
};
const lock: { packages: Record<string, Locked> } = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../package-lock.json"), "utf8"),
);

// npm leaves a platform's package out of the lock when it could not load it at that moment, and
// `npm ci` then refuses the lock everywhere.
test("every optional dependency of a locked package is locked, for every platform", () => {
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) =>
        !lock.packages[`node_modules/${name}`] && !lock.packages[`${path}/node_modules/${name}`],
    ),
  );
  expect(missing).toEqual([]);
});

test("the lock names no registry", () => {
  expect(Object.values(lock.packages).flatMap(({ resolved }) => resolved ?? [])).toEqual([]);
});

// npm warns of each at every `npm ci` on that version, and nothing promises that it runs there.
test("every locked package supports the lowest version of Node that Deputy does", () => {
  const lowest = minVersion(lock.packages[""]?.engines?.node ?? "");
  expect(lowest).not.toBeNull();
  const tooNew = Object.entries(lock.packages).filter(
    ([, { engines }]) => lowest && engines?.node && !satisfies(lowest, engines.node),
  );
  expect(tooNew.map(([path, { engines }]) => `${path} wants ${engines?.node}`)).toEqual([]);
});
