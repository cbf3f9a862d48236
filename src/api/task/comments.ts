import { z } from "zod";
import { commentStates } from "../../core/page/comment.ts";
import { problemWire } from "../daemon.ts";
import { named } from "../registry.ts";
import { time } from "../to-wire.ts";

/** Comments of a person on lines of a change. */
const maxComments = 100;

const commentWire = named(
  "TaskComment",
  z.object({
    id: z.string(),
    path: z.string(),
    /** `old`: lines as they were before the change. */
    side: z.enum(["old", "new"]),
    /** In the tree that stands now; where `outdated`, in the one that was shown. */
    line: z.number().int(),
    end_line: z.number().int(),
    text: z.string(),
    /** `answered`: an attempt that had it was merged, and left the file as it was. */
    state: z.enum(commentStates),
    /** A clause on that. */
    detail: z.string(),
    /** The agent's words. */
    answer: z.string().nullable(),
    /** What changed the file. */
    commit: z.string().nullable(),
    created_at: time,
    /** Those lines were changed since. */
    outdated: z.boolean(),
  }),
);

export const commentsWire = named(
  "TaskComments",
  z.object({
    /** What stands now. */
    tree: z.string().nullable(),
    comments: z.array(commentWire),
  }),
);
/** @public For the page. */
export type CommentsView = z.infer<typeof commentsWire>;

const line = z.number().int().min(1).max(100_000_000);

/** The `tree` that was shown. */
const shownTree = z
  .string()
  .regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, { error: "must be the `tree` of the change" });

const place = z.strictObject({
  path: z
    .string()
    .min(1)
    .max(4_096)
    .regex(/^[^\n]+$/, { error: "must be one line" }),
  side: z.enum(["old", "new"]).default("new"),
  line,
  end_line: line.optional(),
});

const isForwards = ({ end_line, line }: { end_line?: number | undefined; line: number }) =>
  end_line === undefined || end_line >= line;
const notForwards = { error: "must not end before it starts", path: ["end_line"] };

export const placeBody = named(
  "CommentPlaces",
  z.strictObject({
    tree: shownTree,
    comments: z.array(place.refine(isForwards, notForwards)).min(1).max(maxComments),
  }),
);

export const reviewBody = named(
  "NewReview",
  z.strictObject({
    tree: shownTree,
    comments: z
      .array(
        place
          .extend({
            text: z
              .string()
              .max(64_000)
              .refine((value) => value.trim() !== "", { error: "must not be empty" }),
          })
          .refine(isForwards, notForwards),
      )
      .min(1)
      .max(maxComments),
  }),
  {
    examples: [
      {
        tree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        comments: [{ path: "src/app.ts", line: 12, text: "This breaks on an empty list." }],
      },
    ],
  },
);

export const reviewedWire = named(
  "Reviewed",
  z.object({
    comments: z.array(commentWire),
    /** When they are worked on, in words. */
    when: z.string(),
  }),
);

/** Where each comment's lines are; null: they are not there any more. */
const moved = z.array(z.object({ line: z.number().int(), end_line: z.number().int() }).nullable());

export const placedWire = named(
  "PlacedComments",
  z.object({
    /** What stands now. */
    tree: z.string(),
    moved,
  }),
);
/** @public For the page. */
export type PlacedView = z.infer<typeof placedWire>;

export const movedWire = named(
  "MovedProblem",
  problemWire.extend({
    /** What stands now; absent where the refusal is about something else. */
    tree: z.string().optional(),
    moved: moved.optional(),
  }),
  { description: "The work moved on since it was shown: nothing was sent." },
);
