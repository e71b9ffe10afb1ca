/** Drafts on each device of one agent, and on nobody else's. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { test } from "node:test";

import { Conflict, PermissionDenied } from "romashka";

import { openNetwork } from "./network.js";
import { connect, newAgent, newCustomer, quietConversation, until } from "./project.js";
import { ANON_KEY, API_URL } from "./settings.js";

/** Another device of the same agent. */
async function otherDevice(agent: Awaited<ReturnType<typeof newAgent>>, url = API_URL) {
  const { data } = await agent.supabase.auth.getSession();
  const device = connect(ANON_KEY, url);
  const { error } = await device.supabase.auth.setSession(data.session!);
  if (error) throw error;
  return device;
}

test("what is begun on the phone is ended at the desk, and gone everywhere when it was sent", async () => {
  const phone = await newAgent();
  const desk = await otherDevice(phone);
  const conversation = await quietConversation(await newCustomer(), "Hello?");
  const first = await phone.drafts.save(conversation.id, "Dear");
  const { mine } = desk.drafts;
  const leave = mine.subscribe(() => {});
  const texts = () => mine.getSnapshot().drafts.map(({ content }) => content);
  await until(() => mine.getSnapshot().state === "live");
  deepEqual(texts(), ["Dear"]);
  const second = await phone.drafts.save(conversation.id, "Dear Ada", { revision: first });
  await until(() => texts()[0] === "Dear Ada");
  await rejects(
    desk.drafts.save(conversation.id, "Dear Bob", { revision: first }),
    (error) => error instanceof Conflict && error.code === "draft_changed",
  );
  equal(mine.getSnapshot().drafts[0]!.revision, second);
  await (await desk.conversations.get(conversation.id)).send("Dear Ada", { senderType: "agent" });
  await until(() => texts().length === 0);
  deepEqual(await phone.drafts.list(), []);
  leave();
});

test("after a lost connection the drafts are as they are", async () => {
  const desk = await newAgent();
  const network = await openNetwork(API_URL);
  const phone = await otherDevice(desk, network.url);
  const conversation = await quietConversation(await newCustomer());
  const gone = await desk.drafts.save(conversation.id, "a note", { mode: "note" });
  const { mine } = phone.drafts;
  const leave = mine.subscribe(() => {});
  await until(() => mine.getSnapshot().state === "live");
  network.refuse(true);
  network.cut();
  await desk.drafts.save(conversation.id, "", { mode: "note", revision: gone });
  await desk.drafts.save(conversation.id, "Dear");
  await until(() => mine.getSnapshot().state === "offline");
  network.refuse(false);
  await until(() => mine.getSnapshot().state === "live");

  deepEqual(
    mine.getSnapshot().drafts.map(({ mode, content }) => [mode, content]),
    [["reply", "Dear"]],
  );
  leave();
});

test("who signs in next sees no draft of who was there before", async () => {
  const [one, other] = [await newAgent(), await newAgent()];
  const conversation = await quietConversation(await newCustomer());
  await one.drafts.save(conversation.id, "mine");
  await other.drafts.save(conversation.id, "the other's");
  const { mine } = one.drafts;
  const seen: string[] = [];
  const leave = mine.subscribe(() =>
    seen.push(...mine.getSnapshot().drafts.map((draft) => draft.content)),
  );
  await until(() => mine.getSnapshot().state === "live");
  const { data } = await other.supabase.auth.getSession();
  await one.supabase.auth.setSession(data.session!);
  await until(() => mine.getSnapshot().drafts[0]?.content === "the other's");
  equal(seen.lastIndexOf("mine") < seen.indexOf("the other's"), true);
  leave();
});

test("a customer has no drafts", async () => {
  const customer = await newCustomer();
  const conversation = await quietConversation(customer);

  await rejects(customer.drafts.save(conversation.id, "x"), PermissionDenied);
  deepEqual(await customer.drafts.list(), []);
});
