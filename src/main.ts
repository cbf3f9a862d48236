import type { Actions, Machine } from "./cli/actions.ts";
import { exitCodes } from "./cli/io.ts";
import { buildProgram } from "./cli/program.ts";
import { DeputyError } from "./core/base/error.ts";
import { explainSpace } from "./daemon/housekeeping/probe-volume.ts";
import { hasTerminal } from "./verbs/has-terminal.ts";

/**
 * `deputy`: the verbs that make, end or examine a daemon; all others are a client of its HTTP API.
 * What a daemon is made of is loaded by the verb that needs it: a client answers at once without.
 */
const print = (text: string) => process.stdout.write(`${text}\n`);
const printJson = (value: unknown) => print(JSON.stringify(value));

// Node resets at its start what `nohup` had it ignore. What else nohup does tells: it leaves neither
// output on a terminal. A program without one has nothing to lose when a terminal goes.
if (!hasTerminal()) process.on("SIGHUP", () => {});

const actions: Actions = {
  up: async ({ json, detach, host, port }) => {
    const { findSubscription } = await import("./verbs/find-subscription.ts");
    // The topic is a secret: it is shown to whoever sits at this terminal, and to nobody else.
    const subscription = json || !process.stdout.isTTY ? null : findSubscription();
    const options = { ...(host === null ? {} : { host }), ...(port === null ? {} : { port }) };
    if (detach) {
      const { startDetached } = await import("./verbs/detached.ts");
      const { url, pid, logPath, frozen } = await startDetached(options);
      if (json) printJson({ url, pid, log: logPath });
      else
        print(
          `Deputy is up at ${url} (pid ${pid}). Its log: ${logPath}\nSee its page: deputy open. Hand it a task: deputy run "…" in a git checkout.${frozen ? `\n${frozen}` : ""}`,
        );
      if (subscription) print(subscription);
      return exitCodes.ok;
    }
    const { runDaemon } = await import("./verbs/up.ts");
    await runDaemon(options, ({ frozen, url }, config) => {
      if (json) printJson({ url, pid: process.pid });
      else
        print(
          `Deputy is up at ${url}. The token for its API is in ${config.paths.token}.\nIn another terminal: deputy open shows its page, deputy run "…" in a git checkout hands it a task.${frozen ? `\n${frozen}` : ""}`,
        );
      if (subscription) print(subscription);
    });
    return exitCodes.ok;
  },
  down: async ({ json }) => {
    const { stopAll } = await import("./verbs/detached.ts");
    const { pid, workers } = await stopAll();
    if (pid === null && workers.length === 0)
      throw new DeputyError("unavailable", "No daemon runs here.");
    if (json) printJson({ pid, workers });
    else {
      const ended = workers.length > 0 ? ` Workers stopped as well: ${workers.length}.` : "";
      print(
        pid === null
          ? `No daemon runs here.${ended}`
          : `Deputy is down.${ended} What was running is parked and continues at the next deputy up.`,
      );
    }
    return exitCodes.ok;
  },
  worker: async ({ json, detach, concurrency }) => {
    if (concurrency !== null) process.env.DEPUTY_CONCURRENCY = String(concurrency);
    if (detach) {
      const { startDetachedWorker } = await import("./verbs/detached.ts");
      const { pid, slots, logPath } = await startDetachedWorker();
      if (json) printJson({ pid, slots, log: logPath });
      else
        print(
          `Worker is up: ${slots} slots (pid ${pid}). Its log: ${logPath}\nIt ends with the daemon, at deputy down, or by itself: kill ${pid}`,
        );
      return exitCodes.ok;
    }
    const { runWorker } = await import("./verbs/up.ts");
    await runWorker((config) => {
      if (json) printJson({ pid: process.pid, slots: config.concurrency });
      else print(`Worker is up: ${config.concurrency} slots.`);
    });
    return exitCodes.ok;
  },
  doctor: async ({ json }) => {
    const { examine } = await import("./verbs/doctor.ts");
    const findings = await examine();
    const broken = findings.some(({ status }) => status === "broken");
    if (json) printJson({ ok: !broken, findings });
    else {
      const marks = { ok: "✓", missing: "–", broken: "✗" };
      for (const { name, status, detail } of findings)
        print(`${marks[status]} ${name.padEnd(16)} ${detail}`);
    }
    return broken ? exitCodes.taskFailed : exitCodes.ok;
  },
  demo: async ({ json }) => {
    const { runDemo } = await import("./demo/demo.ts");
    return runDemo({ json });
  },
  installMcp: async ({ json, client, print: onlyPrint }) => {
    const { describeInstallation, installMcp } = await import("./verbs/install-mcp.ts");
    const done = await installMcp({ client, print: onlyPrint, env: process.env });
    if (json) printJson(done);
    else print(done.map(describeInstallation).join("\n"));
    return exitCodes.ok;
  },
  connectGithub: async ({ json, repositories, ...options }) => {
    const { connectGithub, describeConnected } = await import("./verbs/github/connect-github.ts");
    const onPage = (page: string) => {
      if (json) printJson({ page });
      else
        print(
          `Open this page in a browser on this machine, and press its button:\n  ${page}\n(Elsewhere: ssh -L ${new URL(page).port}:127.0.0.1:${new URL(page).port} to this machine first.)`,
        );
    };
    const connected = await connectGithub({ ...options, env: process.env, onPage });
    if (json) printJson({ connected });
    else print(describeConnected(connected, repositories));
    return exitCodes.ok;
  },
  githubStatus: async ({ json }) => {
    const { describeStatus, githubStatus } = await import("./verbs/github/github-status.ts");
    const status = await githubStatus(process.env);
    if (json) printJson(status);
    else print(describeStatus(status));
    return status.lacks.length > 0 ? exitCodes.taskFailed : exitCodes.ok;
  },
  disconnectGithub: async ({ json }) => {
    const { disconnectGithub } = await import("./verbs/github/github-status.ts");
    const url = await disconnectGithub(process.env);
    if (json) printJson({ url });
    else {
      const where = url === null ? "in its owner's settings" : url;
      print(
        `Deputy has forgotten the App's key, from the daemon's next start. The App itself is deleted on GitHub: ${where}`,
      );
    }
    return exitCodes.ok;
  },
  prove: async ({ json, ...options }) => {
    const { describeProved, proveReceipt } = await import("./verbs/prove.ts");
    const stop = new AbortController();
    process.once("SIGINT", () => {
      process.once("SIGINT", () => process.exit(exitCodes.interrupted));
      stop.abort(new DeputyError("conflict", "It was ended by Ctrl-C."));
    });
    const say = json ? () => {} : print;
    const proved = await proveReceipt({ ...options, say, signal: stop.signal });
    if (json) printJson(proved);
    else print(describeProved(proved));
    return proved.agrees ? exitCodes.ok : exitCodes.taskFailed;
  },
};

const machine: Machine = {
  openBrowser: async (address) => (await import("./verbs/open-browser.ts")).openBrowser(address),
  drawQr: async (text) => (await import("./verbs/draw-qr.ts")).drawQr(text),
};

/** The verbs that write files say which volume is full, where that is why they fail. */
function explainingSpace(verbs: Actions): Actions {
  const explained = Object.entries(verbs).map(([name, verb]) => [
    name,
    (options: never) =>
      verb(options).catch((error: unknown) => {
        const full = explainSpace(error);
        throw full === null ? error : new DeputyError("insufficient_storage", full);
      }),
  ]);
  return Object.fromEntries(explained) as Actions;
}

// At its end everything was stopped and everything is written (pipes and files are synchronous here).
// What is left are timers of libraries, a minute long, that nobody waits for. No `await` out here: it
// would keep the program from being a script, and V8 keeps compiled code of scripts only.
void buildProgram(explainingSpace(actions), machine)
  .parseAsync()
  .then(() => process.exit());
