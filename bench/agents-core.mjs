import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeBuiltinAgent } from "../dist/agents/builtin/builtin.js";
import { scrubbedEnvironment } from "../dist/core/base/child-environment.js";
import { runCommand } from "../dist/sandbox/process/run-command.js";

/** The builtin agent by itself: a memory that ends with it, no checkpoints, no sandbox, no daemon. */
const [, , worktree, brief] = process.argv;
const folder = await mkdtemp(join(process.env.BENCH_SCRATCH ?? tmpdir(), "core-"));
const scratch = join(folder, "scratch");
await mkdir(scratch);
const entries = [];
const agent = makeBuiltinAgent({
  apiKey: process.env.OPENAI_API_KEY,
  baseUrl: process.env.OPENAI_BASE_URL,
  model: "scripted",
});
const end = await agent({
  ...{ role: "coder", brief, worktree, mode: "write", outputSchema: null, scratch },
  env: scrubbedEnvironment(),
  logPath: join(folder, "attempt.log"),
  sessionFolder: scratch,
  ...{ timeoutMs: 600_000, modelSilenceMs: 300_000, maxTurns: 60 },
  signal: new AbortController().signal,
  onProcess: () => {},
  runCommand,
  confined: false,
  session: {
    ...{ entries, externalId: null },
    append: async (added) => void entries.push(...added),
    checkpoint: async () => {},
  },
  meter: { refuse: async () => null, count: async () => {} },
  takeMessages: async () => [],
  emit: () => {},
});
if (end.reason !== "done") throw new Error(`${end.reason}: ${end.detail}`);
