/** Which bytes of a log are wanted: a negative `from` counts from the end. */
export type LogRange = { from: number; bytes: number };

/** `from` and `to` are places in the file where it may be cut; `to` is where to go on. */
export type LogPart = { text: string; from: number; to: number; total: number; ended: boolean };
