import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { makeRepository, median, startDaemon } from "./support.mjs";

/**
 * From a signed webhook to the push on the phone, with an agent that writes one line after two seconds
 * and a check that does nothing: the whole, and what of it is not the agent's. Beside each the same
 * task is submitted by HTTP to the same daemon, which tells what the trigger and the push add.
 */
const rounds = Number(process.env.BENCH_ROUNDS ?? 7);
const secret = "reach";
const workS = 2;

export async function benchReach() {
  const repository = await makeRepository(2_000);
  const phone = await startPhone();
  const agent = `command:sleep ${workS}; echo "// $(date +%s%N)" >> src/part-0/file-0.js`;
  const daemon = await startDaemon(
    {
      DEPUTY_NTFY_URL: phone.url,
      DEPUTY_NTFY_TOPIC: "reach",
      GITHUB_WEBHOOK_SECRET: secret,
    },
    "sandbox: {allow_triggers: true}\n",
    JSON.stringify({
      github: [
        {
          ...{ on: "issues.labeled", label: "deputy", repository: "acme/app", comment: false },
          ...{ clone: repository, agent, checks: ["true"], deliver: "branch" },
        },
      ],
    }),
  );
  const times = { total: [], ours: [], byHttp: [] };
  for (let round = 0; round <= rounds; round++) {
    const sentAt = now();
    await sendIssue(daemon.url, round + 1);
    const pushedAt = await phone.next();
    const submittedAt = now();
    const { id } = await daemon.api("POST", "/v1/tasks", {
      ...{ goal: `Change one line, round ${round}`, repository, agent, checks: ["true"] },
    });
    await daemon.untilOver(id);
    const deliveredAt = now();
    await phone.next();
    if (round === 0) continue; // makes the mirror and the baseline
    times.total.push(pushedAt - sentAt);
    times.ours.push(pushedAt - sentAt - workS * 1000);
    times.byHttp.push(deliveredAt - submittedAt - workS * 1000);
  }
  await daemon.stop();
  await phone.close();
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

const now = () => performance.timeOrigin + performance.now();

async function sendIssue(url, number) {
  const sender = { login: "ada", id: 7, type: "User" };
  const body = JSON.stringify({
    action: "labeled",
    label: { name: "deputy" },
    issue: {
      ...{ number, title: `Issue ${number}`, body: "It says Hullo.", state: "open" },
      ...{ labels: [{ name: "deputy" }], user: sender, author_association: "OWNER" },
    },
    repository: { id: 1, full_name: "acme/app", owner: { login: "ada", id: 7 } },
    sender,
  });
  const response = await fetch(`${url}/hooks/github`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-github-event": "issues",
      "x-github-delivery": randomUUID(),
      "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
    },
    body,
  });
  if (response.status !== 202) throw new Error(`${response.status}: ${await response.text()}`);
}

/** A server in ntfy's place; `next` resolves with the time at which the next push came. */
async function startPhone() {
  const came = [];
  let tell = () => {};
  const server = createServer((request, response) => {
    const at = now();
    let text = "";
    request.on("data", (chunk) => {
      text += chunk;
    });
    request.on("end", () => {
      response.end("{}");
      // The daemon also tries what the server can do.
      if (!text.includes('"title":"Done: ')) return;
      came.push(at);
      tell();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    next: async () => {
      while (came.length === 0) {
        await new Promise((resolve) => {
          tell = resolve;
        });
      }
      return came.shift();
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
