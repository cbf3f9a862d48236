import type { SignsOfLife } from "../../core/task/signs-of-life.ts";
import { json } from "../database/open.ts";
import type { Db } from "../database/schema.ts";

/** When a running attempt was last seen to do something. Kept as it was when the attempt ends. */
export async function setSigns(db: Db, id: string, signs: SignsOfLife): Promise<void> {
  await db
    .updateTable("attempts")
    .set({ signs: json(signs) })
    .where("id", "=", id)
    .where("endedAt", "is", null)
    .execute();
}
