/** A thread on lines of a pull request, with what a review has to say in it. Outside text. */
export type ReviewThread = {
  /** Of its first comment. */
  commentId: number;
  path: string;
  /** Null: the file as a whole, or a line that is gone. */
  line: number | null;
  hunk: string;
  /** Oldest first; ours are among them. */
  comments: { by: string; body: string }[];
};

/** Whose threads are to be answered; null stands for the review's own text. */
export type NewReview = { reviewId: string; place: string; commentIds: (number | null)[] };

/** What the coder made of a thread. */
export type ThreadReply = { label: string; kind: "fix" | "contest" | "question"; words: string };

const maxWords = 2_000;

/**
 * Its replies from its final summary: a line `REPLY T1 FIX: …` (or CONTEST, QUESTION) for each thread,
 * up to the next one or an empty line. The first one for a thread counts.
 */
export function readThreadReplies(summary: string | null): Map<string, ThreadReply> {
  const replies = new Map<string, ThreadReply>();
  let current: ThreadReply | null = null;
  for (const line of (summary ?? "").slice(0, 64_000).split("\n")) {
    const [, label, kind, words] =
      /^[\s>*-]*REPLY\s+(T\d{1,6})\s+(FIX|CONTEST|QUESTION)\s*[:–-]\s*(.*)$/i.exec(line) ?? [];
    if (label !== undefined) {
      const name = label.toUpperCase();
      current = {
        label: name,
        kind: kind?.toLowerCase() as ThreadReply["kind"],
        words: words ?? "",
      };
      if (!replies.has(name)) replies.set(name, current);
    } else if (line.trim() === "") current = null;
    else if (current && current.words.length < maxWords) current.words += `\n${line}`;
  }
  for (const reply of replies.values()) reply.words = reply.words.slice(0, maxWords).trim();
  return replies;
}
