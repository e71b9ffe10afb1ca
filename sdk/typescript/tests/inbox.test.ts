/** The inbox converges to the latest state of each conversation, whatever the network does. */
import { deepEqual, equal, rejects } from "node:assert/strict";

import { type ConversationRow, type DeliveryFailed, PermissionDenied } from "romashka";

import { agentAs, customerAs, testForms } from "./forms.js";
import { openNetwork } from "./network.js";
import { quietConversation, service, until } from "./project.js";
import { API_URL } from "./settings.js";

testForms(
  "after a lost connection every conversation is as it is, and none goes back",
  async (form) => {
    const network = await openNetwork(API_URL);
    const agent = await agentAs(form, network.url);
    const customers = await Promise.all([customerAs(form), customerAs(form), customerAs(form)]);
    const conversations = await Promise.all(
      customers.map((each) => quietConversation(each, "first")),
    );
    const shown = new Map<string, ConversationRow>();
    const events = agent.inbox.events();
    const see = async (isSeen: () => boolean) => {
      while (!isSeen()) {
        const { conversation } = (await events.next()).value!;
        const before = shown.get(conversation.id);
        equal(before === undefined || before.updated_at < conversation.updated_at, true);
        shown.set(conversation.id, conversation);
      }
    };
    const allSay = (text: string) => () =>
      conversations.every(({ id }) => shown.get(id)?.last_message === text);
    await see(allSay("first"));
    network.refuse(true);
    network.cut();
    for (const conversation of conversations) await conversation.send("while it was down");
    network.refuse(false);
    await see(allSay("while it was down"));
    await Promise.all(conversations.map((each) => each.send("and after")));

    await see(allSay("and after"));
  },
);

testForms(
  "a delivery that failed is told beside the conversations, and an unknown event is not",
  async (form) => {
    const agent = await agentAs(form);
    const conversation = await quietConversation(await customerAs(form), "first");
    const events = agent.inbox.events();
    const see = async (text: string) => {
      while ((await events.next()).value!.conversation.last_message !== text);
    };
    await see("first");
    let failure: DeliveryFailed | undefined;
    void (async () => {
      for await (const event of agent.inbox.live()) {
        if (event.type === "delivery.failed") failure = event;
      }
    })();
    const topic = service.supabase.channel("inbox", { config: { private: true } });
    await until(async () => {
      await topic.httpSend("conversation.translated", { conversation: "of another form" });
      await topic.httpSend("delivery.failed", { message_id: "m", error: "no such number" });
      return failure;
    });
    await conversation.send("second");

    await see("second");
    deepEqual([failure?.message_id, failure?.error], ["m", "no such number"]);
    deepEqual(await (await agent.conversations.get(conversation.id)).deliveries(), []);
  },
);

testForms("a customer has no inbox", async (form) => {
  const customer = await customerAs(form);

  await rejects(customer.inbox.events().next(), PermissionDenied);
});
