/** Events of a conversation: each message once, in order, whatever the network does. */
import { deepEqual, equal, rejects } from "node:assert/strict";

import { Conversation, PermissionDenied } from "romashka";

import { connectAs, customerAs, testForms } from "./forms.js";
import { openNetwork } from "./network.js";
import { newCustomer, quietConversation, service, take, until } from "./project.js";
import { API_URL } from "./settings.js";
import { claimsOf, signed } from "./tokens.js";

const texts = (events: { message: { content: string } }[]) =>
  events.map(({ message }) => message.content);

testForms("what was there comes first, then what is new", async (form) => {
  const client = await customerAs(form);
  const conversation = await quietConversation(client, "past");
  const events = conversation.events();
  deepEqual(texts(await take(events, 1)), ["past"]);
  await conversation.send("present");

  deepEqual(texts(await take(events, 1)), ["present"]);
});

testForms("a follower can start where it stopped", async (form) => {
  const client = await customerAs(form);
  const conversation = await quietConversation(client, "seen");
  await conversation.send("unseen");

  deepEqual(texts(await take(conversation.events({ after: 1 }), 1)), ["unseen"]);
});

testForms("messages written at once come once and in order", async (form) => {
  const client = await customerAs(form);
  const conversation = await quietConversation(client);
  const events = conversation.events();
  const writing = Promise.all([...Array(20).keys()].map((n) => conversation.send(`message ${n}`)));
  const seen = texts(await take(events, 20));
  await writing;

  deepEqual(
    seen,
    (await conversation.messages()).map(({ content }) => content),
  );
  equal(new Set(seen).size, 20);
});

testForms(
  "what was missed while the network was down is read, and only who asks hears of it",
  async (form) => {
    const network = await openNetwork(API_URL);
    const client = await customerAs(form, network.url);
    const conversation = await quietConversation(client);
    const elsewhere = await service.conversations.get(conversation.id);
    const connection: boolean[] = [];
    const events = conversation.events({ onConnection: (isLive) => connection.push(isLive) });
    await elsewhere.send("before");
    deepEqual(texts(await take(events, 1)), ["before"]);
    network.refuse(true);
    network.cut();
    await elsewhere.send("during 1");
    await elsewhere.send("during 2");
    network.refuse(false);
    deepEqual(texts(await take(events, 2)), ["during 1", "during 2"]);
    await elsewhere.send("after");

    deepEqual(texts(await take(events, 1)), ["after"]);
    await until(() => connection.length === 3);
    deepEqual(connection, [true, false, true]);
  },
);

testForms("the connection may break at any byte", async (form) => {
  const network = await openNetwork(API_URL);
  const client = await customerAs(form, network.url);
  const conversation = await quietConversation(client);
  const elsewhere = await service.conversations.get(conversation.id);
  const events = conversation.events();
  const sent: string[] = [];
  const seen: string[] = [];
  for (const bytes of [10, 200, 700, 1500, 2500, 4000]) {
    network.cutAfter(bytes);
    for (const text of [`${bytes} one`, `${bytes} two`]) {
      await elsewhere.send(text);
      sent.push(text);
    }
    seen.push(...texts(await take(events, 2)));
  }

  deepEqual(seen, sent);
});

testForms("an expired token is replaced, and what came meanwhile is read", async (form) => {
  const customer = await newCustomer();
  const conversation = await quietConversation(customer);
  const { data } = await customer.supabase.auth.getSession();
  const { access_token: good } = data.session!;
  const expiresAt = Math.ceil(Date.now() / 1000) + 2;
  const short = signed({ ...claimsOf(good), exp: expiresAt });
  const isOver = () => Date.now() > 1000 * (expiresAt + 1);
  const laptop = connectAs(form, async () => (isOver() ? good : short));
  const events = new Conversation(laptop, conversation.row).events();
  await conversation.send("before");
  deepEqual(texts(await take(events, 1)), ["before"]);
  await until(isOver);
  await conversation.send("after");

  deepEqual(texts(await take(events, 1)), ["after"]);
});

testForms("a stranger cannot listen", async (form) => {
  const client = await customerAs(form);
  const conversation = await quietConversation(client, "private");
  const stranger = await customerAs(form);
  const listener = stranger.topics.listen(`conversation:${conversation.id}`);

  await rejects(listener.next(), PermissionDenied);
});

testForms("who leaves while nothing happens is let go, and the topic with it", async (form) => {
  const client = await customerAs(form);
  const conversation = await quietConversation(client, "only");
  const events = conversation.events();
  await take(events, 1);
  const waiting = events.next();
  await events.return!();

  equal((await waiting).done, true);
  equal((await events.next()).done, true);
  await client.close();
  deepEqual(client.backend.realtime.getChannels(), []);
});
