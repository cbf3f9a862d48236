import { spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../support/until.ts";
import type { Fault, Spec } from "../fault.ts";
import { type World, waiting } from "../world.ts";

/** Who talks to the daemon over HTTP, and how badly. */
const open = (world: World): Socket => {
  const socket = connect(Number(new URL(world.deputy.url()).port), "127.0.0.1");
  socket.on("error", () => {});
  return socket;
};

async function untilListAnswers({ deputy }: World): Promise<void> {
  const { status } = await deputy.api("GET", "/v1/tasks");
  if (status !== 200) throw new Error(`the list answered ${status}`);
}

/** A file that the task named so has to bring. */
const bringing = (name: string, file: string, text: string): Spec => ({
  name,
  body: { agent: `command:echo ${text} > ${file}`, checks: [] },
  wanted: { [file]: text },
});

const secret = "a-shared-secret";

async function deliver(
  { deputy }: World,
  delivery: { id: string; payload: unknown; sign?: string },
): Promise<number> {
  const body = JSON.stringify(delivery.payload);
  const signature = createHmac("sha256", delivery.sign ?? secret)
    .update(body)
    .digest("hex");
  const { status } = await deputy.api("POST", "/hooks/github", body, {
    "x-github-event": "issues",
    "x-github-delivery": delivery.id,
    "x-hub-signature-256": `sha256=${signature}`,
  });
  return status;
}

/** What GitHub sends about issue 1 of acme/app, by a member of it. */
const about = (action: string, title: string) => ({
  action,
  label: { name: "deputy" },
  issue: {
    ...{ number: 1, title, body: "It says Hullo.", state: "open", labels: [{ name: "deputy" }] },
    ...{ html_url: "https://github.com/acme/app/issues/1", author_association: "MEMBER" },
    user: { login: "ada", id: 1, type: "User" },
  },
  repository: {
    ...{ id: 1, full_name: "acme/app", name: "app", owner: { login: "acme" }, private: false },
    ...{ default_branch: "main", html_url: "https://github.com/acme/app" },
    clone_url: "https://github.com/acme/app.git",
  },
  sender: { login: "ada", id: 1, type: "User" },
});

export const clientFaults: Fault[] = [
  {
    name: "one request sent fifty times",
    layer: "http",
    what: "the same task with the same idempotency key, in parallel",
    inject: async (world) => {
      const spec = bringing("Sent fifty times", "x.txt", "x");
      const body = { ...spec.body, repository: world.repository.path, goal: spec.name };
      const answers = await Promise.all(
        Array.from({ length: 50 }, () =>
          world.deputy.api("POST", "/v1/tasks", body, { "idempotency-key": "fifty" }),
        ),
      );
      const ids = new Set(answers.map((answer) => answer.body.id));
      const [id] = ids;
      if (ids.size !== 1) throw new Error(`${ids.size} tasks were made`);
      world.tasks.set(spec.name, { id, spec });
      return `50 requests, ${answers.filter(({ status }) => status < 300).length} accepted, 1 task`;
    },
  },
  {
    name: "a body of ten megabytes",
    layer: "http",
    what: "a task whose goal has ten million characters",
    inject: async ({ deputy, repository }) => {
      const goal = "x".repeat(10_000_000);
      const { status } = await deputy.api("POST", "/v1/tasks", {
        repository: repository.path,
        goal,
      });
      if (status < 400 || status >= 500) throw new Error(`answered ${status}`);
      return `refused with ${status}`;
    },
  },
  {
    name: "clients that never finish",
    layer: "http",
    what: "two hundred connections that send half of a header and stay",
    inject: async (world) => {
      const sockets = Array.from({ length: 200 }, () => open(world));
      for (const socket of sockets) socket.write("POST /v1/tasks HTTP/1.1\r\nHost: ");
      await sleep(1_000); // staying is the fault
      await untilListAnswers(world);
      for (const socket of sockets) socket.destroy();
      return "200 half requests were open, and the list answered 200";
    },
  },
  {
    name: "a client that sends slowly",
    layer: "http",
    what: "a task that comes byte by byte, for some seconds",
    inject: async (world) => {
      const spec = bringing("Sent slowly", "slow.txt", "slow");
      const body = JSON.stringify({
        ...{ ...spec.body, repository: world.repository.path, goal: spec.name },
      });
      const token = (await readFile(join(world.deputy.home, "token"), "utf8")).trim();
      const socket = open(world);
      let answer = "";
      socket.on("data", (chunk) => {
        answer += chunk;
      });
      const { host } = new URL(world.deputy.url());
      socket.write(
        `POST /v1/tasks HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n` +
          `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
      );
      for (const byte of body) {
        socket.write(byte);
        await sleep(20); // being slow is the fault
      }
      await until(() => answer.includes("}"), "it is answered");
      socket.destroy();
      const id = /"id":"(task_\w+)"/.exec(answer)?.[1];
      if (!id) throw new Error(answer.slice(0, 200));
      world.tasks.set(spec.name, { id, spec });
      return `${body.length} bytes, one in 20 ms, and ${answer.slice(9, 12)}`;
    },
  },
  {
    name: "clients that do not read",
    layer: "http",
    what: "fifty followers of a task's events who take nothing of the answer, to the end",
    inject: async (world) => {
      await world.untilAtWork();
      const id = world.tasks.get(waiting(world).name)?.id;
      const token = (await readFile(join(world.deputy.home, "token"), "utf8")).trim();
      const { host } = new URL(world.deputy.url());
      const sockets = Array.from({ length: 50 }, () => open(world).pause());
      for (const socket of sockets)
        socket.write(
          `GET /v1/tasks/${id}/events HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n` +
            "Accept: text/event-stream\r\n\r\n",
        );
      await world.letGo();
      await until(async () => world.system.readEnd(id ?? ""), "the task is over");
      await untilListAnswers(world);
      const unread = sockets.filter(({ destroyed }) => !destroyed).length;
      for (const socket of sockets) socket.destroy();
      if (unread === 0) throw new Error("nobody was connected");
      return `${unread} connections were not read, and the list answered 200`;
    },
  },
  {
    name: "a forged delivery",
    layer: "http",
    what: "a GitHub webhook with a wrong signature",
    env: { GITHUB_WEBHOOK_SECRET: secret },
    inject: async (world) => {
      const payload = about("labeled", "Forged");
      const status = await deliver(world, { id: "forged", payload, sign: "another-secret" });
      if (status !== 401) throw new Error(`answered ${status}`);
      return "refused with 401";
    },
  },
  {
    name: "deliveries twice and out of order",
    layer: "http",
    what: "GitHub's edit of an issue comes before its label, and everything comes three times",
    env: { GITHUB_WEBHOOK_SECRET: secret, DEPUTY_SANDBOX: "auto" },
    load: () => [], // in its box the waiting agent would not see that it may end
    missing: () =>
      spawnSync("bwrap", ["--ro-bind", "/", "/", "true"]).status === 0
        ? null
        : "tasks from triggers need bubblewrap, which does not work here",
    inject: async (world) => {
      const spec = bringing("From GitHub", "hub.txt", "hub");
      const rule = {
        ...{ on: "issues.labeled", repository: "acme/*", label: "deputy", recipe: "change" },
        ...{ clone: world.repository.path, deliver: "branch", goal: spec.name },
        agent: spec.body.agent,
      };
      await writeFile(join(world.deputy.home, "triggers.yaml"), JSON.stringify({ github: [rule] }));
      // The file is watched: a probe shows when the rule is in force.
      await until(async () => {
        const payload = join(world.deputy.home, "payload.json");
        await writeFile(payload, JSON.stringify(about("labeled", "Probe")));
        const { stdout } = await world.deputy.cli(["trigger", "test", payload, "--json"]);
        return /"fires": ?true/.test(stdout);
      }, "the rule is there");
      const inOrder = [
        about("opened", "First"),
        about("labeled", "First"),
        about("edited", "Later"),
      ];
      const statuses: number[] = [];
      for (const [index, payload] of inOrder.toReversed().entries())
        for (let time = 0; time < 3; time++)
          statuses.push(await deliver(world, { id: `delivery-${index}`, payload }));
      const again = await deliver(world, { id: "delivery-again", payload: inOrder[1] });
      const made = await until(async () => {
        const { body } = await world.deputy.api("GET", "/v1/tasks");
        const tasks = body.tasks.filter(
          ({ origin }: { origin: { subject?: string } | null }) =>
            origin?.subject === "github:acme/app#1",
        );
        return tasks.length > 0 && tasks;
      }, "a task is made of it");
      if (made.length !== 1) throw new Error(`${made.length} tasks were made`);
      world.tasks.set(spec.name, { id: made[0].id, spec });
      return `answered ${[...new Set([...statuses, again])].join(", ")} to 10 deliveries, 1 task`;
    },
  },
];
