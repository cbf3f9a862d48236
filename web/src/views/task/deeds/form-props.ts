import type { Detail } from "../types.ts";

/** What a form of an action is given. */
export type FormProps = { detail: Detail; refresh: () => void; close: () => void };
