import { createHmac, randomUUID } from "node:crypto";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import type { ForgeKind, OtherForge } from "../../../src/core/forge/place.ts";
import { openClient } from "../../../src/delivery/forges/open-forges.ts";
import { openGithub } from "../../../src/delivery/github/access/github-access.ts";
import { makeLookBack } from "../../../src/delivery/github/look-back.ts";
import { openStore, type Store } from "../../../src/store/database/open.ts";
import { insertDelivery, isAboutKnown } from "../../../src/store/triggers/inbox.ts";
import { readCursor, writeCursor } from "../../../src/store/triggers/reconcile-cursors.ts";
import { lookAtGitea } from "../../../src/triggers/forges/look-gitea.ts";
import { lookAtGitlab } from "../../../src/triggers/forges/look-gitlab.ts";
import { receiveForge } from "../../../src/triggers/forges/receive-forge.ts";
import { readGithubEvent } from "../../../src/triggers/github/github-event.ts";
import { keepDelivery, receiveDelivery } from "../../../src/triggers/github/receive-github.ts";
import { type LookDeps, reconcile } from "../../../src/triggers/reconcile/reconcile.ts";
import { parseTriggerRules } from "../../../src/triggers/rules.ts";
import { type FakeForge, forgeUsers, startFakeForge } from "../../support/fake-forge.ts";
import { type FakeGithub, fakeUserId, startFakeGithub } from "../../support/fake-github.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";
import {
  change,
  giteaCommentHook,
  giteaIssueHook,
  giteaLabel,
  gitlabIssueHook,
  gitlabNoteHook,
  signed,
  type Tree,
} from "./payloads.ts";

/** What comes by webhooks and lists of three forges, into one inbox. */
let database: TestDatabase;
let store: Store;
let github: FakeGithub;
const forges = {} as Record<OtherForge, FakeForge>;
const projects = { github: "acme/app", gitea: "acme/app", gitlab: "acme/tools/app" };
beforeAll(async () => {
  [database, github, forges.gitea, forges.gitlab] = await Promise.all([
    createTestDatabase(),
    startFakeGithub(),
    startFakeForge("gitea", projects.gitea),
    startFakeForge("gitlab", projects.gitlab),
  ]);
  store = await openStore(database.connection, {
    onError: (error) => {
      throw error;
    },
  });
});
afterAll(async () => {
  await store?.close();
  const others = Object.values(forges).map((forge) => forge.close());
  await Promise.all([database?.drop(), github?.close(), ...others]);
});

const secret = "a-secret-of-the-hook";
const keeping = {
  insertDelivery: (row: Parameters<typeof insertDelivery>[1]) => insertDelivery(store.db, row),
  isPolled: (about: string, since: Date | null) =>
    isAboutKnown(store.db, about, { by: "poll", since }),
};

function post(
  forge: OtherForge,
  payload: Tree,
  headers: Record<string, string>,
  secrets: string[] = [secret],
) {
  const rawBody = Buffer.from(JSON.stringify(payload));
  return receiveForge(
    { ...keeping, forge, secrets },
    { rawBody, header: (name: string) => headers[name] },
  );
}

const rows = () =>
  store.db
    .selectFrom("inbox")
    .select(["deliveryId", "source", "event", "action", "about", "payload"])
    .orderBy("receivedAt")
    .orderBy("deliveryId")
    .execute();
const forget = () => store.db.deleteFrom("inbox").execute();

describe("the doors", () => {
  const body = JSON.stringify(giteaIssueHook);
  const hex = createHmac("sha256", secret).update(body).digest("hex");
  const named = { "x-gitea-event": "issues", "x-gitea-delivery": randomUUID() };

  test.each([
    ["Gitea's signature", { "x-gitea-signature": hex }, 202],
    ["Forgejo's", { "x-forgejo-signature": hex }, 202],
    ["GitHub's form of it", { "x-hub-signature-256": `sha256=${hex}` }, 202],
    ["none", {}, 401],
    ["one of another secret", { "x-gitea-signature": "0".repeat(64) }, 401],
    [
      "a wrong one beside a right one",
      { "x-forgejo-signature": "0".repeat(64), "x-gitea-signature": hex },
      401,
    ],
    ["no hex", { "x-gitea-signature": "é" }, 401],
  ])("of Gitea: %s", async (_, headers, status) => {
    expect((await post("gitea", giteaIssueHook, { ...named, ...headers })).status).toBe(status);
  });

  const key = Buffer.alloc(32, 7);
  const signing = `whsec_${key.toString("base64")}`;
  const sign = (id: string, text: string) =>
    `v1,${createHmac("sha256", key).update(`${id}.1767225600.${text}`).digest("base64")}`;
  const text = JSON.stringify(gitlabIssueHook);
  const event = { "x-gitlab-event": "Issue Hook", "webhook-timestamp": "1767225600" };

  test.each([
    ["the secret token", { "x-gitlab-token": secret, "idempotency-key": "k1" }, [secret], 202],
    ["a wrong one", { "x-gitlab-token": `${secret}x`, "idempotency-key": "k2" }, [secret], 401],
    ["none", { "idempotency-key": "k3" }, [secret], 401],
    ["an empty one", { "x-gitlab-token": "", "idempotency-key": "k4" }, [secret], 401],
    [
      "the old one while both hold",
      { "x-gitlab-token": secret, "idempotency-key": "k5" },
      ["new", secret],
      202,
    ],
    ["a signature", { "webhook-id": "k6", "webhook-signature": sign("k6", text) }, [signing], 202],
    [
      "a signature of another id",
      { "webhook-id": "k7", "webhook-signature": sign("k6", text) },
      [signing],
      401,
    ],
    [
      "several signatures",
      { "webhook-id": "k8", "webhook-signature": `v1,${"A".repeat(43)}= ${sign("k8", text)}` },
      [signing],
      202,
    ],
    ["none configured", { "x-gitlab-token": "", "idempotency-key": "k9" }, [], 503],
  ])("of GitLab: %s", async (_, headers, secrets, status) => {
    const answer = await post("gitlab", gitlabIssueHook, { ...event, ...headers }, secrets);
    expect(answer.status).toBe(status);
  });

  test("what tells of two labels is kept as two, once, however often it comes", async () => {
    await forget();
    const labels = [giteaLabel("deputy"), giteaLabel("bug")];
    const payload = change(giteaIssueHook, {
      ...{ action: "label_updated", issue: { labels } },
      changes: { added_labels: labels, removed_labels: [] },
    });
    const headers = signed.gitea(JSON.stringify(payload), secret, "issues", "11-22");
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => post("gitea", payload, headers)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect((await rows()).map(({ about, deliveryId }) => `${deliveryId} ${about}`)).toEqual([
      "gitea:11-22 gitea:acme/app#7 labeled deputy",
      "gitea:11-22:1 gitea:acme/app#7 labeled bug",
    ]);
  });

  test("an older GitLab's repetition is known by its body", async () => {
    await forget();
    const headers = {
      "x-gitlab-event": "Issue Hook",
      "x-gitlab-event-uuid": randomUUID(),
      "x-gitlab-token": secret,
    };
    await post("gitlab", gitlabIssueHook, headers);
    await post("gitlab", gitlabIssueHook, headers);
    // Of the same chain of events.
    await post("gitlab", gitlabNoteHook, headers);
    expect((await rows()).map(({ event }) => event)).toEqual(["issues", "issue_comment"]);
  });

  test.each([
    ["no JSON", Buffer.from("payload=%7B%7D"), named, 400],
    ["no event", Buffer.from("{}"), { "x-gitea-delivery": "1" }, 400],
    ["no delivery", Buffer.from("{}"), { "x-gitea-event": "issues" }, 400],
    ["another shape", Buffer.from("{}"), named, 400],
  ])("a body or header that is odd is refused: %s", async (_, rawBody, headers, status) => {
    const signature = createHmac("sha256", secret).update(rawBody).digest("hex");
    const all: Record<string, string> = { ...headers, "x-gitea-signature": signature };
    const about = { rawBody, header: (name: string) => all[name] };
    const answer = await receiveForge({ ...keeping, forge: "gitea", secrets: [secret] }, about);
    expect(answer).toMatchObject({ status, message: expect.stringMatching(/\.$/) });
  });
});

/** A forge as the property sees it: what there is, its webhook for each, and its lists. */
type World = {
  begin(): Promise<void>;
  open(number: number): void;
  say(number: number): void;
  hook(what: "issue" | "comment", number: number): Promise<unknown>;
  look(): LookDeps;
};
const at = new Date().toISOString();
const commentOf = (number: number) => 500 + number;

function otherWorld(forge: OtherForge): World {
  const about = forges[forge];
  const payloads: Record<"issue" | "comment", (number: number) => Tree> =
    forge === "gitea"
      ? {
          issue: (number) => change(giteaIssueHook, { issue: { number } }),
          comment: (number) =>
            change(giteaCommentHook, { issue: { number }, comment: { id: commentOf(number) } }),
        }
      : {
          issue: (iid) => change(gitlabIssueHook, { object_attributes: { iid } }),
          comment: (iid) =>
            change(gitlabNoteHook, { issue: { iid }, object_attributes: { id: commentOf(iid) } }),
        };
  return {
    begin: async () => {
      Object.assign(about, { issues: [], comments: [] });
    },
    open: (number) => {
      const times = { createdAt: at, updatedAt: at };
      about.issues.push({
        number,
        title: "It is wrong",
        body: "",
        by: "ada",
        labels: [],
        ...times,
      });
    },
    say: (number) => {
      const id = commentOf(number);
      about.comments.push({ id, pull: number, body: "/deputy why", author: 3, isIssue: true, at });
    },
    hook: (what, number) => {
      const payload = payloads[what](number);
      const event = what === "issue" ? "issues" : "issue_comment";
      const headers = signed[forge](JSON.stringify(payload), secret, event, `${what}-${number}`);
      return post(forge, payload, headers);
    },
    look: () => {
      const client = openClient(
        { kind: forge, url: about.url, token: about.token },
        (text) => text,
      );
      if (!client) throw new Error("a token makes one");
      const ask = (path: string) => client("read a list", { path }, z.unknown());
      return forge === "gitea" ? lookAtGitea(ask) : lookAtGitlab(ask);
    },
  };
}

function githubWorld(): World {
  const ada = { login: "ada", id: fakeUserId("ada"), type: "User" };
  let app: Awaited<ReturnType<FakeGithub["add"]>>;
  const issueOf = (number: number) => ({
    ...{ number, title: "It is wrong", body: "", state: "open", user: ada, labels: [] },
    ...{ created_at: at, updated_at: at, author_association: "MEMBER" },
  });
  const saidOf = (number: number) => ({
    ...{ id: commentOf(number), body: "/deputy why", user: ada, author_association: "MEMBER" },
    ...{ created_at: at, updated_at: at },
    issue_url: `${github.apiUrl}/repos/acme/app/issues/${number}`,
  });
  const of = {
    repository: { id: 1, full_name: "acme/app", owner: { login: "acme" } },
    sender: ada,
  };
  return {
    begin: async () => {
      app = await github.add("acme/app");
      app.log = null;
    },
    open: (number) => app.issues.push(issueOf(number)),
    say: (number) => app.said.push(saidOf(number)),
    hook: (what, number) => {
      const about =
        what === "issue"
          ? { action: "opened", issue: issueOf(number), ...of }
          : { action: "created", issue: issueOf(number), comment: saidOf(number), ...of };
      const rawBody = Buffer.from(JSON.stringify(about));
      const signature = `sha256=${createHmac("sha256", secret).update(rawBody).digest("hex")}`;
      const event = what === "issue" ? "issues" : "issue_comment";
      const post = { id: `${what}-${number}`, event, signature, rawBody };
      return receiveDelivery({ ...keeping, secrets: [secret] }, post);
    },
    look: () => {
      const config = { token: github.token, apiUrl: github.apiUrl, app: null, patient: false };
      const look = makeLookBack(openGithub(config, (text) => text));
      if (!look) throw new Error("a token makes one");
      return look;
    },
  };
}

const step = fc.oneof(
  fc.record({
    kind: fc.constant("hook" as const),
    what: fc.constantFrom("issue" as const, "comment" as const),
    number: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ kind: fc.constant("poll" as const) }),
);

test.each(["github", "gitea", "gitlab"] as const)(
  "on %s, in any order, lost or repeated, each subject and state is in the inbox once",
  async (forge: ForgeKind) => {
    const world = forge === "github" ? githubWorld() : otherWorld(forge);
    const rules = parseTriggerRules(
      `${forge}: [{ on: [issues.opened, command], repository: ${projects[forge]} }]`,
      "triggers.yaml",
    );
    const poll = () =>
      reconcile(
        {
          ...{ forge, rules: () => rules, look: world.look() },
          readCursor: (name) => readCursor(store.db, name),
          writeCursor: (name, cursor) => writeCursor(store.db, name, cursor),
          keep: async (delivery) => {
            const source = forge === "github" ? "reconcile" : forge;
            return (await keepDelivery(keeping, { ...delivery, source })).isNew === true;
          },
          isKnown: (about, from) => isAboutKnown(store.db, about, from),
          log: (_level, fields, message) => {
            if ("err" in fields) throw new Error(message);
          },
        },
        new AbortController().signal,
      );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        await forget();
        await world.begin();
        await store.db.deleteFrom("reconcileCursors").execute();
        await poll(); // where the lists begin
        await store.db
          .updateTable("reconcileCursors")
          .set({ seenUntil: new Date(Date.parse(at) - 60_000) })
          .execute();
        for (const number of [1, 2, 3]) {
          world.open(number);
          world.say(number);
        }
        for (const one of steps) {
          if (one.kind === "poll") await poll();
          else await world.hook(one.what, one.number);
        }
        await poll(); // what was lost is found at the end
        const kept = await rows();
        const word = forge === "github" ? projects[forge] : `${forge}:${projects[forge]}`;
        expect(kept.map(({ about }) => about).sort()).toEqual(
          [1, 2, 3]
            .flatMap((number) => [
              `${word}#${number} opened`,
              `${word} comment ${commentOf(number)}`,
            ])
            .sort(),
        );
        // However it came, it is the same subject, of the same person.
        for (const { action, event, payload } of kept) {
          if (action !== "opened") continue;
          const read = readGithubEvent(event, payload);
          expect("event" in read && read.event.author).toBe("ada");
        }
      }),
      { numRuns: 12 },
    );
  },
);

test("labels and heads are found in the lists of Gitea and GitLab", async () => {
  for (const forge of ["gitea", "gitlab"] as const) {
    const about = forges[forge];
    const world = otherWorld(forge);
    await world.begin();
    about.labelled = [{ id: 9, issue: 4, label: "deputy", by: "ada", at }];
    world.open(4);
    const look = world.look();
    const place = forge === "gitea" ? "gitea:acme/app#4" : "gitlab:acme/tools/app#4";
    expect(await look.listLabelled(place)).toMatchObject([
      { id: 9, label: "deputy", by: { login: "ada", id: forgeUsers.ada } },
    ]);
    about.pulls = [
      {
        number: 9,
        title: "Greet",
        body: "",
        head: "greet",
        base: "main",
        state: "open",
        author: 3,
      },
    ];
    expect(await look.read(projects[forge], "/pulls/9")).toMatchObject({
      ...{ number: 9, state: "open", draft: false },
      ...{ user: { login: "ada", id: 3 }, head: { ref: "greet", sha: "0".repeat(40) } },
    });
  }
});
