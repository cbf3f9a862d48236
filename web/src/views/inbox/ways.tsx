import { useState } from "preact/hooks";
import type { AttentionItemView } from "../../../../src/api/attention.ts";
import { send } from "../../data/api.ts";
import { useMayAct, usePage } from "../../data/page-context.ts";
import { useDraft } from "../../data/use-draft.ts";
import { Button } from "../../parts/button.tsx";
import { isWebLink } from "../../parts/words.ts";
import { confirmOf } from "./groups.ts";
import { Snooze } from "./snooze.tsx";

type Action = AttentionItemView["actions"][number];

/**
 * What can be done about an item, each by the request that the list names. Words of a person's own go
 * into a field, which is open at once where they are the only answer.
 */
export function Ways({
  item,
  settled,
  refused,
}: {
  item: AttentionItemView;
  settled: () => void;
  refused: (sentence: string) => void;
}) {
  const mayAct = useMayAct();
  const { say } = usePage();
  const inWords = item.actions.find(takesWords);
  const others = item.actions.filter((action) => action !== inWords);
  const answers = others.filter(({ name }) => name === "answer");
  const [isWriting, setWriting] = useState(answers.length === 0);

  const act = async (action: Action, words?: string) => {
    const { body, path } = action.request ?? { body: null, path: "" };
    const answered = await send<{ detail?: string } | null>(
      "POST",
      path,
      body === null ? undefined : { ...body, ...(words !== undefined && { answer: words }) },
    );
    say(answered?.detail ?? `Done: ${words === undefined ? action.label : "answered"}.`);
    settled();
    return null;
  };

  return (
    <div class="item-ways">
      {mayAct && inWords && isWriting && (
        <Words
          item={item}
          action={inWords}
          send={(words) => act(inWords, words)}
          refused={refused}
        />
      )}
      <div class="actions">
        {others.map((action, index) =>
          action.href !== null ? (
            isWebLink(action.href) && (
              <a
                key={action.label}
                class="button primary"
                href={action.href}
                target="_blank"
                rel="noopener noreferrer"
              >
                {capital(action.label)}
              </a>
            )
          ) : action.request === null ? null : (
            <Button
              key={action.label}
              kind={action.name === "discard" ? "danger" : index === 0 ? "primary" : "plain"}
              confirm={confirmOf(action)}
              act={() => act(action)}
              refused={refused}
            >
              {capital(action.label)}
            </Button>
          ),
        )}
        {mayAct && inWords && !isWriting && (
          <button type="button" class="button plain" onClick={() => setWriting(true)}>
            {capital(inWords.label)}
          </button>
        )}
        {mayAct && item.task && <Snooze item={item} settled={settled} refused={refused} />}
      </div>
    </div>
  );
}

function Words({
  item,
  action,
  send: sendWords,
  refused,
}: {
  item: AttentionItemView;
  action: Action;
  send: (words: string) => Promise<null>;
  refused: (sentence: string) => void;
}) {
  const [words, setWords, clear] = useDraft(`answer:${item.id}`, "");
  return (
    <div class="item-words">
      <label>
        <span class="unseen">
          {capital(action.label)}: {item.task?.title}
        </span>
        <textarea
          rows={2}
          value={words}
          placeholder={capital(action.label)}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
      </label>
      <Button
        kind="primary"
        disabled={words.trim() === ""}
        confirm={action.risk === "high" ? "Send this?" : undefined}
        act={async () => {
          await sendWords(words);
          clear();
          return null;
        }}
        refused={refused}
      >
        Send
      </Button>
    </div>
  );
}

const takesWords = ({ name, request }: Action): boolean =>
  name === "answer" && request?.body?.answer === null;

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);
