import { constants } from "node:fs";
import { lstat, open, rename, writeFile } from "node:fs/promises";
import { join, parse } from "node:path";
import { z } from "zod";
import { DeputyError } from "../../core/base/error.ts";
import { type TaskOrigin, taskInputSchema } from "../../core/task/task.ts";
import { readGuards } from "../guards/guard-rule.ts";
import type { Inbox } from "../inbox.ts";
import type { LocalSource } from "../process-local.ts";
import type { InboxRule } from "./inbox-rule.ts";
import { parseTaskFile } from "./parse-task-file.ts";

/**
 * One file of an inbox folder, from `taking/` to `accepted/` or `refused/`. In `taking/` its name
 * begins with an id, which the delivery has too: a file that a crash left there is taken up again and
 * is still one task. The same file handed in again is another.
 */
export type Folder = { rule: InboxRule; path: string };

export const parts = { taking: "taking", accepted: "accepted", refused: "refused" } as const;

const maxBytes = 1024 * 1024;
const idLength = 36;

const payloadSchema = z.object({
  rule: z.string(),
  folder: z.string(),
  /** In `accepted`. */
  file: z.string(),
  input: taskInputSchema,
});

/** `taken`: its name in `taking/`. */
export async function takeFile(
  { path, rule }: Folder,
  taken: string,
  insert: Inbox["insert"],
): Promise<{ refused: string | null }> {
  const name = taken.slice(idLength + 1);
  const from = join(path, parts.taking, taken);
  const file = await freeName(path, name, taken.slice(0, 8));
  try {
    const input = parseTaskFile(await readTask(from, name), name, rule.task);
    const payload: z.infer<typeof payloadSchema> = { rule: rule.name, folder: path, file, input };
    const deliveryId = `inbox:${rule.name}:${taken.slice(0, idLength)}`;
    await insert({ deliveryId, source: "inbox", event: "file", action: null, payload });
    await rename(from, join(path, parts.accepted, file));
    return { refused: null };
  } catch (error) {
    if (!(error instanceof DeputyError)) throw error;
    await refuse(path, from, file, error.message);
    return { refused: error.message };
  }
}

export const fileOrigin: TaskOrigin = {
  source: "inbox",
  subject: null,
  outsideText: null,
  replyTo: null,
  reviewedAgainst: null,
};

export const inboxSource: LocalSource = {
  name: "inbox",
  read({ payload }, rules) {
    const data = payloadSchema.safeParse(payload).data;
    if (data === undefined) return { ignored: "the row holds no task of a file" };
    // A file that was taken is worked on, also where its rule is gone meanwhile.
    const rule = rules.inbox.find(({ name }) => name === data.rule);
    const guards = rule?.guards ?? readGuards({});
    return {
      rule: data.rule,
      guards,
      input: data.input,
      origin: fileOrigin,
      reason: `${data.file} of inbox ${data.rule}`,
    };
  },
  async onRefused({ payload }, why) {
    const { file, folder } = payloadSchema.parse(payload);
    await refuse(folder, join(folder, parts.accepted, file), file, `${file}: ${why}`);
  },
};

/** The reason first: a file that is in `refused` has one. */
async function refuse(path: string, from: string, file: string, why: string): Promise<void> {
  // A link there would lead the daemon to write elsewhere.
  const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;
  await writeFile(join(path, parts.refused, `${parse(file).name}.why`), `${why}\n`, {
    flag: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW,
  });
  try {
    await rename(from, join(path, parts.refused, file));
  } catch (error) {
    // It was refused before, or its owner has taken it away.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** Its text. A link is not followed, and what another user wrote is not the owner's word. */
async function readTask(path: string, name: string): Promise<string> {
  const refusal = (what: string) => new DeputyError("invalid_input", `${name} ${what}.`);
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ELOOP") throw refusal("is a link: put the file itself here");
    if (code === "EACCES") throw refusal("cannot be read by the daemon: change its permissions");
    throw error;
  });
  try {
    const stat = await handle.stat();
    const { size, uid } = stat;
    if (!stat.isFile()) throw refusal("is no regular file: put a Markdown file here");
    if (process.getuid && uid !== process.getuid())
      throw refusal(
        "belongs to another user than the daemon's: only the daemon's own may hand in tasks",
      );
    if (size > maxBytes)
      throw refusal(
        `has ${size} bytes, and a task at most ${maxBytes}: put long material into the repository`,
      );
    const bytes = await handle.readFile();
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      throw refusal("is not UTF-8 text: save it as UTF-8"); // that it throws is the answer
    }
  } finally {
    await handle.close();
  }
}

/** Its own name where that is free in both folders. */
async function freeName(path: string, name: string, id: string): Promise<string> {
  for (const part of [parts.accepted, parts.refused]) {
    const isTaken = await lstat(join(path, part, name)).then(
      () => true,
      () => false, // whatever is wrong with the folder is said by the rename
    );
    if (isTaken) return `${parse(name).name}-${id}.md`;
  }
  return name;
}
