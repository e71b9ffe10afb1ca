/** The original's service object, as the original's frontends use it. */
import { deepEqual, equal } from "node:assert/strict";

import { EnhancedRealtimeMessagingService } from "romashka/compat";

import { answerNext, newAgent, newCustomer, newIdentifier, until } from "./project.js";
import { test } from "./together.js";

test("a widget and an inbox work with the service object", async () => {
  const identifier = newIdentifier();
  const widget = new EnhancedRealtimeMessagingService(await newCustomer());
  const { id, customerIdentity } = await widget.createOrGetConversation(identifier, "website");
  equal(customerIdentity.name, identifier);
  equal((await widget.createConversation(identifier, "website")).id, id);
  const heard: string[] = [];
  const subscription = widget.subscribeToConversation(id, ({ content }) => heard.push(content));
  equal(subscription.id, id);
  const asked = widget.sendMessage("What is Romashka?", id, "user");
  await answerNext(id, "An inbox.", { confidence: 0.9, intent: "question" });
  const { responseTime, ...answer } = await asked;
  deepEqual(answer, {
    response: "An inbox.",
    confidence: 0.9,
    requiresHuman: false,
    intent: "question",
    sentiment: null,
    knowledgeUsed: [],
  });
  equal(responseTime > 0, true);

  const inbox = new EnhancedRealtimeMessagingService(await newAgent());
  const changed = new Map<string, string | null>();
  inbox.subscribeToAllConversations((each) => changed.set(each.id, each.lastMessage));
  const sent = await inbox.sendMessage("Hello.", id, "agent");
  deepEqual([sent.response, sent.confidence, sent.requiresHuman], ["Hello.", 1, false]);
  await until(() => changed.get(id) === "Hello." && heard.includes("Hello."));
  const { conversation, messages } = await inbox.getConversationWithMessages(id);
  equal(conversation.messageCount, messages.length);
  deepEqual(
    messages.map(({ isFromCustomer }) => isFromCustomer),
    [true, false, false],
  );
  const [listed] = await inbox.getConversations({ search: identifier });
  deepEqual([listed?.id, listed?.customerIdentity.name], [id, identifier]);
  const metrics = await inbox.getPerformanceMetrics();
  equal(
    metrics.some(({ metric_name }) => metric_name === "message_received"),
    true,
  );

  subscription.unsubscribe();
  inbox.cleanup();
  widget.cleanup();
  const before = heard.length;
  await widget.handleIncomingMessage({ conversation_id: id, content: "unheard" });
  equal(heard.length, before);
});
