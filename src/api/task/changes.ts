import { z } from "zod";
import { named } from "../registry.ts";

/** The change of a task, file by file. */
export const changesWire = named(
  "Changes",
  z.object({
    /** What a review is bound to; null: nothing was written yet. */
    tree: z.string().nullable(),
    base: z.string().nullable(),
    files: z.array(
      z.object({
        path: z.string(),
        /** Where it was before, if it moved. */
        old_path: z.string().nullable(),
        status: z.enum(["added", "modified", "deleted", "renamed", "mode"]),
        /** Lines; null: not counted, or not text. */
        added: z.number().int().nullable(),
        removed: z.number().int().nullable(),
        binary: z.boolean(),
        /** Made by a program, by its name, like a lock file. */
        generated: z.boolean(),
        too_large: z.boolean(),
      }),
    ),
    truncated: z.boolean(),
    /** With those that are not listed. */
    total: z.number().int(),
  }),
);
/** @public For the page. */
export type ChangesView = z.infer<typeof changesWire>;

export const filePatchWire = named(
  "FilePatch",
  z.object({
    /** What the patch leads to: another one than that of the list, where the work went on between. */
    tree: z.string(),
    path: z.string(),
    old_path: z.string().nullable(),
    /** Unified; empty where the file is binary or too large. */
    patch: z.string(),
    truncated: z.boolean(),
    binary: z.boolean(),
  }),
);
/** @public For the page. */
export type FilePatchView = z.infer<typeof filePatchWire>;
