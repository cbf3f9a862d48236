import { useState } from "preact/hooks";
import type { TaskView } from "../../../../src/api/task/task.ts";
import { ApiError, send } from "../../data/api.ts";
import { useDraft } from "../../data/use-draft.ts";
import { tellError } from "../../parts/button.tsx";
import { type Fields, fieldOf, toRequest } from "./fields.ts";

export type Refusal = { sentence: string; field: keyof Fields | null };

/**
 * Hands a task in. The same form sent again, after an answer that never came, is the same task: it
 * carries the same key until something in it is changed. The key is kept with what was typed, so that
 * a reload in between changes nothing; `forget` belongs to the form's end.
 */
type Sent = { text: string; key: string };
const nothingSent: Sent = { text: "", key: "" };

export function useSubmit() {
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [busy, setBusy] = useState(false);
  const [sent, setSent, forget] = useDraft<Sent>("new-task-sent", nothingSent);
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
    const { key } = sent.text === text ? sent : { key: makeKey() };
    setSent({ text, key });
    try {
      return await send<TaskView>("POST", "/v1/tasks", body, { "idempotency-key": key });
    } catch (error) {
      refuse(error);
      return null;
    } finally {
      setBusy(false);
    }
  };
  return { submit, busy, refusal, refuse, forget };
}

/** 128 bits; `randomUUID` is not there on a page that came by plain http. */
const makeKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
