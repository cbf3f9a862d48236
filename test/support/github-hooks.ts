import { createHmac, randomUUID } from "node:crypto";
import type { Deputy } from "./deputy.ts";
import { fakeUserId } from "./fake-github.ts";
import { until } from "./until.ts";

/** What GitHub would send to the daemon's webhook, signed; each delivery's result is awaited. */
export type Hooks = {
  /** Returns what the inbox says of the delivery once it is settled, with its task. */
  send(event: string, payload: object): Promise<{ result: string; taskId: string | null }>;
  issue(action: string, issue: HookIssue): ReturnType<Hooks["send"]>;
  /** A new comment on an issue, or on the pull request with that address. */
  comment(issue: HookIssue & { url?: string }, body: string): ReturnType<Hooks["send"]>;
};
export type HookIssue = {
  repository: string;
  number: number;
  title?: string;
  body?: string;
  label?: string;
  state?: "open" | "closed";
  by?: string;
  association?: string;
};

export function makeHooks(deputy: Deputy, secret: string): Hooks {
  const send: Hooks["send"] = async (event, payload) => {
    const id = randomUUID();
    const body = JSON.stringify(payload);
    const response = await fetch(`${deputy.url()}/hooks/github`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": id,
        "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
      },
      body,
    });
    if (response.status !== 202) throw new Error(`${response.status}: ${await response.text()}`);
    const find = async () =>
      (
        await deputy.database?.query(
          `select result, task_id as "taskId" from inbox where delivery_id = '${id}' and processed_at is not null`,
        )
      )?.[0] as { result: string; taskId: string | null } | undefined;
    let found: Awaited<ReturnType<typeof find>>;
    await until(async () => {
      found = await find();
      return found !== undefined;
    }, `delivery ${id} was settled`);
    if (!found) throw new Error(`${id} is gone`);
    return found;
  };
  const issue: Hooks["issue"] = (action, about) => {
    const { repository, number, label = "deputy", by = "ada", association = "MEMBER" } = about;
    const { title = "The greeting is wrong", body = "It says Hullo.", state = "open" } = about;
    const sender = { login: by, id: fakeUserId(by), type: "User" };
    return send("issues", {
      action,
      label: { name: label },
      issue: {
        ...{ number, title, body, state, labels: [{ name: label }] },
        ...{ user: sender, author_association: association },
      },
      ...hookRepository(repository),
      sender,
    });
  };
  let comments = 1_000;
  const comment: Hooks["comment"] = (about, body) => {
    const { repository, number, by = "ada", association = "MEMBER", state = "open", url } = about;
    const sender = { login: by, id: fakeUserId(by), type: "User" };
    const { title = "The greeting is wrong", body: text = "It says Hullo." } = about;
    return send("issue_comment", {
      action: "created",
      issue: {
        ...{ number, title, body: text, state, html_url: url, labels: [], user: sender },
        ...{ author_association: association, ...(url && { pull_request: {} }) },
      },
      comment: { id: ++comments, body, user: sender, author_association: association },
      ...hookRepository(repository),
      sender,
    });
  };
  return { send, issue, comment };
}

export function hookRepository(name: string) {
  return { repository: { id: 1, full_name: name, owner: { login: name.split("/")[0] } } };
}
