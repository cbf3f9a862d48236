import { useRef, useState } from "preact/hooks";
import type { TaskView } from "../../../../src/api/task/task.ts";
import { ApiError, send } from "../../data/api.ts";
import { tellError } from "../../parts/button.tsx";
import { type Fields, fieldOf, toRequest } from "./fields.ts";

export type Refusal = { sentence: string; field: keyof Fields | null };

/**
 * Hands a task in. The same form sent again, after an answer that never came, is the same task: it
 * carries the same key until something in it is changed.
 */
export function useSubmit() {
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [busy, setBusy] = useState(false);
  const sent = useRef<{ text: string; key: string }>({ text: "", key: "" });
  const refuse = (error: unknown) => {
    const path = error instanceof ApiError ? error.problem.field : null;
    const field = typeof path === "string" ? fieldOf(path) : null;
    setRefusal({ sentence: tellError(error), field });
  };
  const submit = async (fields: Fields): Promise<TaskView | null> => {
    if (busy) return null;
    setBusy(true);
    setRefusal(null);
    const body = toRequest(fields);
    const text = JSON.stringify(body);
    if (sent.current.text !== text) sent.current = { text, key: makeKey() };
    try {
      return await send<TaskView>("POST", "/v1/tasks", body, {
        "idempotency-key": sent.current.key,
      });
    } catch (error) {
      refuse(error);
      return null;
    } finally {
      setBusy(false);
    }
  };
  return { submit, busy, refusal, refuse };
}

/** 128 bits; `randomUUID` is not there on a page that came by plain http. */
const makeKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
