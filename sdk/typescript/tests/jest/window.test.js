/** A test as the users of Jest write it. */
import { Client, NotFound } from "romashka";
import { useThread } from "romashka/react";
import { connectParts } from "romashka/parts";

test("the package is loaded, and a store says that nothing is loaded", () => {
  const client = new Client(connectParts("http://127.0.0.1:9", "key"));
  expect(client.conversations.thread("x").getSnapshot().state).toBe("loading");
  expect(typeof useThread).toBe("function");
  expect(new NotFound("gone")).toBeInstanceOf(Error);
});
