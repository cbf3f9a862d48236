import type { Db } from "../../store/database/schema.ts";
import { noteComment } from "../../store/triggers/written-comments.ts";
import type { Forge } from "../github/forge.ts";

type Writes = Pick<Forge, "upsertComment"> & Partial<Pick<Forge, "replyInThread">>;

/** The same forge, which notes each new comment. An edit is none, and the replies to one review are one. */
export function countComments<Writer extends Writes>(db: Db, forge: Writer): Writer;
export function countComments<Writer extends Writes>(db: Db, forge: Writer | null): Writer | null;
export function countComments(db: Db, forge: Writes | null): Writes | null {
  if (forge === null) return null;
  const { replyInThread, upsertComment } = forge;
  return {
    ...forge,
    upsertComment: async (request) => {
      const written = await upsertComment(request);
      if (!written.edited) await noteComment(db, request.target, request.taskId);
      return written;
    },
    ...(replyInThread && {
      replyInThread: async (request) => {
        await replyInThread(request);
        await noteComment(db, request.target, request.taskId);
      },
    }),
  };
}
