/** Which bytes of a log are wanted: a negative `from` counts from the end. */
export type LogRange = { from: number; bytes: number };

/** `from` and `to` are places of whole characters in the file; `to` is where to go on. */
export type LogPart = { text: string; from: number; to: number; total: number; ended: boolean };
