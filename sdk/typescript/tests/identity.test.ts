/** Customers whom the page's server vouches for, on each of their devices; and an address left for the answer. */
import { deepEqual, equal, notEqual, rejects } from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { test } from "node:test";

import { Conflict, InvalidRequest, NotFound, PermissionDenied, type Romashka } from "romashka";

import { newAgent, newCustomer, service } from "./project.js";

const secret = await service.identity.rotateSecret();
const sign = (text: string) => createHmac("sha256", secret).update(text).digest("hex");
const conversationsOf = async (client: Romashka) =>
  (await client.conversations.list()).map(({ id }) => id);

test("a customer has their conversations on each device, and what was open comes along", async () => {
  const user = randomUUID();
  const visitor = await newCustomer();
  const opened = await visitor.conversations.create("visitor");
  const word = await visitor.identity.offerConversations();
  const [phone, laptop] = [await newCustomer(), await newCustomer()];
  const customer = await phone.identity.identify({ id: user, hmac: sign(user) });
  equal(await phone.identity.bringConversations(word!), 1);
  const expiresAt = Math.round(Date.now() / 1000) + 600;
  const signed = { id: user, hmac: sign(`${user}\n${expiresAt}`), expiresAt };
  equal(await laptop.identity.identify(signed), customer);
  deepEqual(await conversationsOf(laptop), [opened.id]);
  deepEqual(await conversationsOf(visitor), []);
  await rejects(phone.identity.bringConversations(word!), NotFound);
  await rejects(phone.identity.offerConversations(), Conflict);
  await laptop.identity.signOut();
  deepEqual(await conversationsOf(laptop), []);
  equal(await laptop.identity.offerConversations(), null);
});

test("nobody is who the page did not sign", async () => {
  const [visitor, agent] = [await newCustomer(), await newAgent()];
  const forged = { id: "7", hmac: sign("8") };
  await rejects(visitor.identity.identify(forged), PermissionDenied);
  await rejects(visitor.identity.identify({ id: "", hmac: sign("") }), InvalidRequest);
  await rejects(agent.identity.rotateSecret(), PermissionDenied);
  const known = await service.identity.secrets();
  equal(JSON.stringify(known).includes(secret), false);
  equal(known[0]!.is_good, true);
  await rejects(service.identity.revokeSecret(randomUUID()), NotFound);
});

test("an address is left with a conversation", async () => {
  const conversation = await (await newCustomer()).conversations.create("visitor");
  notEqual(await conversation.leaveAddress(`${randomUUID()}@example.com`), null);
  await rejects(conversation.leaveAddress("nobody"), InvalidRequest);
  equal(await conversation.leaveAddress(null), false);
});
