import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * Telegram's Bot API, as far as its documents say: messages with an inline keyboard, edits, and presses as
 * updates of a long poll, which stay until a later offset confirms them; of two polls at once the older ends
 * with 409. `fail` answers a method with a status.
 */
export type TelegramMessage = {
  message_id: number;
  chat: { id: number };
  text: string;
  buttons: { text: string; callback_data: string }[];
  edits: number;
};

export type Telegram = {
  url: string;
  token: string;
  chat: string;
  messages: TelegramMessage[];
  /** Answers to presses, by the query's id. */
  answers: Map<string, { text: string; show_alert: boolean }>;
  /** Waits for a message. */
  message(fits: (message: TelegramMessage) => boolean): Promise<TelegramMessage>;
  /** As a person does it; resolves with the answer. */
  press(message: TelegramMessage, label: string, chat?: number): Promise<{ text: string }>;
  pressData(message: TelegramMessage, data: string, chat?: number): Promise<{ text: string }>;
  polls: number;
  /** How many polls were ended by another one. */
  conflicts: number;
  fail(method: string, status: number | null): void;
  close(): Promise<void>;
};

export async function startTelegram(): Promise<Telegram> {
  const token = "12:ABCdef-secret";
  const chat = 77;
  const updates: { update_id: number; callback_query: object }[] = [];
  const failing = new Map<string, number>();
  const watchers = new Set<() => void>();
  let polling: { response: ServerResponse; offset: number; timer: NodeJS.Timeout } | null = null;
  let ids = 100;
  const changed = () => {
    for (const look of [...watchers]) look();
  };
  const when = <T>(read: () => T | undefined) =>
    new Promise<T>((resolve) => {
      const look = () => {
        const found = read();
        if (found === undefined) return;
        watchers.delete(look);
        resolve(found);
      };
      watchers.add(look);
      look();
    });
  const say = (response: ServerResponse, status: number, body: object) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const ok = (response: ServerResponse, result: unknown) =>
    say(response, 200, { ok: true, result });
  const refuse = (response: ServerResponse, status: number, description: string) =>
    say(response, status, { ok: false, error_code: status, description });

  /** Answers the open poll, if there is something, or `now`. */
  const flush = (now: boolean) => {
    if (!polling) return;
    const { offset, response, timer } = polling;
    const found = updates.filter(({ update_id }) => update_id >= offset);
    if (found.length === 0 && !now) return;
    clearTimeout(timer);
    polling = null;
    ok(response, found);
  };

  type Body = {
    chat_id?: string;
    message_id?: number;
    text?: string;
    offset?: number;
    timeout?: number;
    callback_query_id?: string;
    show_alert?: boolean;
    reply_markup?: { inline_keyboard: { text: string; callback_data: string }[][] };
  };
  const methods: Record<string, (body: Body, response: ServerResponse) => void> = {
    getMe: (_, response) => ok(response, { id: 12, is_bot: true }),
    getChat: (_, response) => ok(response, { id: chat }),
    sendMessage: ({ chat_id, reply_markup, text = "" }, response) => {
      if (chat_id !== String(chat)) return refuse(response, 400, "Bad Request: chat not found");
      const buttons = reply_markup?.inline_keyboard.flat() ?? [];
      if (buttons.some((one) => Buffer.byteLength(one.callback_data) > 64))
        return refuse(response, 400, "Bad Request: BUTTON_DATA_INVALID");
      const message = { message_id: ids++, chat: { id: chat }, text, buttons, edits: 0 };
      telegram.messages.push(message);
      ok(response, message);
    },
    editMessageText: ({ message_id, reply_markup, text = "" }, response) => {
      const message = telegram.messages.find((one) => one.message_id === message_id);
      if (!message) return refuse(response, 400, "Bad Request: message to edit not found");
      const buttons = reply_markup?.inline_keyboard.flat() ?? [];
      if (message.text === text && buttons.length === message.buttons.length)
        return refuse(response, 400, "Bad Request: message is not modified");
      Object.assign(message, { text, buttons, edits: message.edits + 1 });
      ok(response, message);
    },
    answerCallbackQuery: ({ callback_query_id = "", show_alert = false, text = "" }, response) => {
      telegram.answers.set(callback_query_id, { text, show_alert });
      ok(response, true);
    },
    getUpdates: ({ offset = 0, timeout = 0 }, response) => {
      telegram.polls++;
      while (updates[0] && updates[0].update_id < offset) updates.shift();
      if (polling) {
        clearTimeout(polling.timer);
        telegram.conflicts++;
        refuse(polling.response, 409, "Conflict: terminated by other getUpdates request");
      }
      const timer = setTimeout(() => flush(true), timeout * 1_000);
      polling = { response, offset, timer };
      response.on("close", () => {
        if (polling?.response !== response) return;
        clearTimeout(timer);
        polling = null;
      });
      flush(false);
    },
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const [, given = "", method = ""] = /^\/bot([^/]+)\/(\w+)/.exec(request.url ?? "") ?? [];
      if (given !== token) return refuse(response, 401, "Unauthorized");
      const status = failing.get(method);
      const run = methods[method];
      if (status !== undefined) refuse(response, status, "as the test says");
      else if (run) run(JSON.parse(Buffer.concat(chunks).toString() || "{}"), response);
      else refuse(response, 404, "Not Found");
      changed();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const telegram: Telegram = {
    ...{ url: `http://127.0.0.1:${port}`, token, chat: String(chat) },
    ...{ messages: [], answers: new Map(), polls: 0, conflicts: 0 },
    message: (fits) => when(() => telegram.messages.find(fits)),
    press: (message, label, from) => {
      const button = message.buttons.find(({ text }) => text === label);
      if (!button) throw new Error(`no button ${label} among ${message.buttons.length}`);
      return telegram.pressData(message, button.callback_data, from);
    },
    pressData: ({ buttons: _, edits: __, ...message }, data, from = chat) => {
      const id = `query-${ids++}`;
      const about = { ...message, chat: { id: from } };
      updates.push({ update_id: ids++, callback_query: { id, data, message: about } });
      flush(false);
      return when(() => telegram.answers.get(id));
    },
    fail: (method, status) => {
      if (status === null) failing.delete(method);
      else failing.set(method, status);
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return telegram;
}
