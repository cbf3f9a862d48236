import { hash } from "node:crypto";
import type { AskOption } from "../../core/attention/ask.ts";
import { codeMinutes } from "../../core/attention/device.ts";
import type { AnswerPage } from "../service.ts";

/**
 * The page behind a push, as HTML that works without a script: one column for a phone, light or dark
 * as the phone is. Everything that comes from outside is text, escaped here and nowhere else.
 */
export function renderAnswerPage(path: string, page: AnswerPage, problem: string | null): string {
  const { options, summary, task, text, title } = page;
  return renderPage(title, [
    problem === null ? "" : `<p class="problem" role="alert">${escapeHtml(problem)}</p>`,
    `<h1>${escapeHtml(title)}</h1>`,
    `<p class="where">${escapeHtml(task.repository)}<br>${escapeHtml(task.id)} · ${task.state}</p>`,
    text === "" ? "" : `<pre>${escapeHtml(text)}</pre>`,
    summary === null ? "" : renderSummary(summary),
    ...options.map((option, index) => renderOption(path, option, index, page.shown)),
  ]);
}

/** Asks for the code of a device that is not paired yet. */
export function renderPairing(path: string, problem: string | null): string {
  return renderPage("Pair this phone", [
    "<h1>Pair this phone</h1>",
    problem === null ? "" : `<p class="problem" role="alert">${escapeHtml(problem)}</p>`,
    "<p>This decision spends, lets something in or changes a repository, so Deputy has to know this phone. Run this on the machine where the daemon runs:</p>",
    "<pre>deputy pair</pre>",
    `<form method="post" action="${escapeHtml(path)}/pair">`,
    `<label for="code">Its code, good for ${codeMinutes} minutes</label>`,
    '<input id="code" name="code" required autocomplete="one-time-code" autocapitalize="none" autocorrect="off" spellcheck="false" maxlength="16">',
    '<button class="main">Pair</button></form>',
    `<p><a href="${escapeHtml(path)}">Back</a></p>`,
  ]);
}

/** One sentence, and nothing to press. */
export function renderNotice(title: string, sentence: string): string {
  return renderPage(title, [`<h1>${escapeHtml(title)}</h1>`, `<p>${escapeHtml(sentence)}</p>`]);
}

function renderSummary({ checks, files, headline }: NonNullable<AnswerPage["summary"]>): string {
  const list = (items: readonly string[]) => {
    const rest = items.length > most ? [`and ${items.length - most} more`] : [];
    const shown = [...items.slice(0, most), ...rest];
    return `<ul>${shown.map((item) => `<li>${escapeHtml(item)}</li>`).join("")}</ul>`;
  };
  return [
    `<h2>${escapeHtml(headline)}</h2>`,
    checks.length === 0 ? "" : list(checks.map(({ command, result }) => `${result}: ${command}`)),
    files.length === 0
      ? ""
      : `<h2>${files.length} ${files.length === 1 ? "file" : "files"}</h2>${list(files)}`,
  ].join("\n");
}

function renderOption(
  path: string,
  option: AskOption,
  index: number,
  shown: string | null,
): string {
  const isOpen = option.verb === "answer" && option.answer === null;
  return [
    `<form method="post" action="${escapeHtml(path)}">`,
    `<input type="hidden" name="option" value="${index}">`,
    shown === null ? "" : `<input type="hidden" name="shown" value="${escapeHtml(shown)}">`,
    isOpen
      ? `<label for="words">Answer in words</label><textarea id="words" name="words" rows="3" required maxlength="${maxWords}"></textarea>`
      : "",
    `<button${index === 0 ? ' class="main"' : ""}>${isOpen ? "Send" : escapeHtml(option.label)}</button></form>`,
  ].join("");
}

function renderPage(title: string, body: readonly string[]): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
<style>${css}</style></head>
<body><main>
${body.filter(Boolean).join("\n")}
</main></body></html>
`;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

export const maxWords = 8_000;
const most = 20;

const css = `
:root { color-scheme: light dark; --ink: #1c1b1a; --paper: #fdfcfa; --faint: #6b6863; --line: #dcd8d2; --main: #1f5d4c; --on: #ffffff; --bad: #a3271c }
@media (prefers-color-scheme: dark) { :root { --ink: #ece9e4; --paper: #191816; --faint: #a19d96; --line: #3a3733; --main: #7cc7b0; --on: #10201b; --bad: #f0998f } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.45 system-ui, sans-serif }
main { max-width: 40rem; margin: 0 auto; padding: 1.25rem 1rem 3rem }
h1 { font-size: 1.35rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere }
h2 { font-size: 1rem; margin: 1.25rem 0 .25rem }
.where { color: var(--faint); font-size: .85rem; margin: 0 0 1rem; overflow-wrap: anywhere }
.problem { border: 1px solid var(--bad); color: var(--bad); border-radius: .6rem; padding: .6rem .8rem }
pre { font: inherit; white-space: pre-wrap; overflow-wrap: anywhere; border-left: 3px solid var(--line); margin: 0 0 1rem; padding: .1rem 0 .1rem .8rem }
ul { margin: .25rem 0; padding-left: 1.2rem; font-size: .9rem; overflow-wrap: anywhere }
form { margin: .75rem 0 }
label { display: block; margin-bottom: .35rem }
button, input, textarea { width: 100%; min-height: 3rem; font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: .6rem; padding: .6rem .8rem }
textarea, input { margin-bottom: .6rem }
button { font-weight: 600; cursor: pointer }
button.main { background: var(--main); border-color: var(--main); color: var(--on) }
a { color: inherit }
:focus-visible { outline: 3px solid var(--main); outline-offset: 2px }
`;

/** For the content security policy: no other style, and no script at all. */
export const styleHash = `'sha256-${hash("sha256", css, "base64")}'`;
