import { expect, test } from "vitest";
import { listen } from "../../src/store/database/listen.ts";
import { openStore } from "../../src/store/database/open.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";

test("what a process sends right before it closes reaches the others", async () => {
  const database = await createTestDatabase();
  const options = { onError: () => {}, maxConnections: 2 };
  const stays = await openStore(database.connection, options);
  const goes = await openStore(database.connection, options);
  const heard: string[] = [];
  const listener = await listen(
    stays,
    (message) => heard.push(message),
    () => {},
    () => {},
  );
  try {
    goes.notifier.send(["ready plan"]);
    await until(() => heard.includes("ready plan"), "the first is heard");
    // Within the pause after a statement, in which messages are gathered for the next one.
    goes.notifier.send(["ready verify", "ready recover"]);
    await goes.close();
    await until(() => heard.length === 3, "the last ones are heard", 10_000);
    expect(heard).toEqual(["ready plan", "ready verify", "ready recover"]);
  } finally {
    await listener.close();
    await stays.close();
    await database.drop();
  }
});
