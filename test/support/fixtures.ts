import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { type Deputy, type Json, makeDeputy, type TaskJson } from "./deputy.ts";
import { makeRepository, type TestRepository } from "./repository.ts";
import { makeScratch, type Scratch } from "./scratch.ts";

/**
 * What most files have: one daemon, one repository, one folder for signs, made before the first test
 * of the file (or of the `describe` that asks) and removed after the last, also when making them
 * failed half-way. The three are handles: a file names them at its top and its own helpers use them.
 */
export type Fixtures = {
  deputy: Deputy;
  repository: TestRepository;
  scratch: Scratch;
  /** Another repository, with these files, that is removed with the rest. */
  repositoryWith(files: Record<string, string>): Promise<TestRepository>;
  /** Hand in a task for the repository; it must be accepted. */
  submit(input: Record<string, unknown>): Promise<string>;
  /** The same, followed to its end. */
  run(input: Record<string, unknown>): Promise<TaskJson>;
  /** A task with its subtasks and attempts. */
  show(id: string): Promise<Json>;
  receiptOf(id: string): Promise<Json>;
};

type Options = Omit<NonNullable<Parameters<typeof makeDeputy>[0]>, "env"> & {
  /** A function where it tells of what is made before the daemon. */
  env?: Record<string, string> | ((made: Fixtures) => Record<string, string>);
  /** Of the repository; without them there is none. */
  files?: Record<string, string>;
  /** The daemon's config.yaml. */
  config?: string;
  /** False: the file starts it, in a test or after what a `beforeAll` of its own prepares. */
  start?: boolean;
};

export function withDeputy(options: Options = {}): Fixtures {
  const { env = {}, files, config, start = true, ...others } = options;
  const deputy = makeHandle<Deputy>("deputy");
  const repository = makeHandle<TestRepository>("repository");
  const scratch = makeHandle<Scratch>("scratch");
  const more: TestRepository[] = [];
  const fixtures: Fixtures = {
    ...{ deputy: deputy.handle, repository: repository.handle, scratch: scratch.handle },
    repositoryWith: async (others) => {
      const another = await makeRepository(others);
      more.push(another);
      return another;
    },
    submit: async (input) => {
      const body = { repository: repository.handle.path, ...input };
      const accepted = await deputy.handle.api("POST", "/v1/tasks", body);
      expect(accepted.status, JSON.stringify(accepted.body)).toBe(202);
      return accepted.body.id;
    },
    run: (input) => deputy.handle.run({ repository: repository.handle.path, ...input }),
    show: async (id) => (await deputy.handle.api("GET", `/v1/tasks/${id}`)).body,
    receiptOf: async (id) => (await deputy.handle.api("GET", `/v1/tasks/${id}/receipt`)).body,
  };
  beforeAll(async () => {
    await Promise.all([
      makeScratch().then(scratch.fill),
      files && makeRepository(files).then(repository.fill),
    ]);
    const given = typeof env === "function" ? env(fixtures) : env;
    deputy.fill(await makeDeputy({ ...others, env: given }));
    if (config !== undefined) await writeFile(join(deputy.handle.home, "config.yaml"), config);
    if (start) await deputy.handle.start();
  });
  afterAll(async () => {
    await deputy.made()?.close();
    await Promise.all([repository.made(), ...more].map((each) => each?.remove()));
    await scratch.made()?.remove();
  });
  return fixtures;
}

/** Stands for what is made later. */
function makeHandle<T extends object>(name: string) {
  let made: T | null = null;
  const handle = new Proxy({} as T, {
    get: (_, key) => {
      if (!made) throw new Error(`${name} is not there before the tests run`);
      return Reflect.get(made, key);
    },
  });
  return {
    handle,
    made: () => made,
    fill: (value: T) => {
      made = value;
    },
  };
}
