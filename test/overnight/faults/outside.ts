import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { canMount, mountSmallVolume } from "../../support/small-volume.ts";
import { until } from "../../support/until.ts";
import type { Fault } from "../fault.ts";
import { waiting } from "../world.ts";

/** The phone, the clients, the disk. */
export const outsideFaults: Fault[] = [
  {
    name: "the phone's server is down",
    layer: "network",
    what: "ntfy answers 503 until every task is over",
    inject: async (world) => {
      world.phone.refuse(503);
      await world.letGo();
      await until(() => world.phone.refused() > 0, "a push was refused");
      world.phone.refuse(null);
      return `${world.phone.refused()} pushes refused with 503`;
    },
  },
  {
    name: "one request sent fifty times",
    layer: "http",
    what: "the same task with the same idempotency key, in parallel",
    inject: async (world) => {
      const spec = { ...waiting(world), name: "Sent fifty times" };
      const body = {
        repository: world.repository.path,
        goal: spec.name,
        agent: "command:echo x > x.txt",
      };
      const answers = await Promise.all(
        Array.from({ length: 50 }, () =>
          world.deputy.api("POST", "/v1/tasks", body, { "idempotency-key": "fifty" }),
        ),
      );
      const ids = new Set(answers.map((answer) => answer.body.id));
      const [id] = ids;
      if (ids.size !== 1) throw new Error(`${ids.size} tasks were made`);
      world.tasks.set(spec.name, { id, spec: { ...spec, wanted: { "x.txt": "x" } } });
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
    inject: async ({ deputy }) => {
      const { port } = new URL(deputy.url());
      const sockets = Array.from({ length: 200 }, () => {
        const socket = connect(Number(port), "127.0.0.1");
        socket.on("error", () => {});
        socket.write("POST /v1/tasks HTTP/1.1\r\nHost: ");
        return socket;
      });
      await sleep(1_000); // staying is the fault
      const { status } = await deputy.api("GET", "/v1/tasks");
      for (const socket of sockets) socket.destroy();
      if (status !== 200) throw new Error(`the list answered ${status}`);
      return "200 half requests were open, and the list answered 200";
    },
  },
  {
    name: "a forged delivery",
    layer: "http",
    what: "a GitHub webhook with a wrong signature",
    env: { GITHUB_WEBHOOK_SECRET: "a-shared-secret" },
    inject: async ({ deputy }) => {
      const { status } = await deputy.api(
        "POST",
        "/hooks/github",
        { action: "opened" },
        {
          "x-hub-signature-256": `sha256=${"0".repeat(64)}`,
          "x-github-event": "issues",
          "x-github-delivery": "forged",
        },
      );
      if (status !== 401) throw new Error(`answered ${status}`);
      return "refused with 401";
    },
  },
  {
    name: "the disk fills up",
    layer: "disk",
    what: "the volume of the home is full for three seconds while agents work",
    missing: () => (canMount ? null : "only root can make a small volume"),
    inject: async (world) => {
      await world.untilAtWork();
      const volume = mountSmallVolume(`${world.deputy.home}/logs`, "size=4m");
      try {
        volume.fill();
        await world.letGo();
        await sleep(3_000); // being full is the fault
        const { status } = await world.deputy.api("GET", "/readyz");
        return `the logs' volume was full, /readyz answered ${status}`;
      } finally {
        volume.restore();
        await sleep(2_000);
        volume.unmount();
      }
    },
  },
];
