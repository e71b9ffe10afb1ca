/** The original's service object, as the original's frontends use it. */
import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";

import { EnhancedRealtimeMessagingService } from "romashka/compat";

import { answerNext, newAgent, newCustomer, newIdentifier, until } from "./project.js";

test("a widget and an inbox work with the service object", async () => {
  const identifier = newIdentifier();
  const widget = new EnhancedRealtimeMessagingService(await newCustomer());
  const id = await widget.createOrGetConversation(identifier, "website");
  equal(await widget.createConversation(identifier, "website"), id);
  const heard: string[] = [];
  const subscription = widget.subscribeToConversation(id, ({ content }) => heard.push(content));
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
  const changed = new Set<string>();
  inbox.subscribeToAllConversations((conversation) => changed.add(conversation.id));
  const sent = await inbox.sendMessage("Hello.", id, "agent");
  equal(sent.requiresHuman, true);
  await until(() => changed.has(id) && heard.includes("Hello."));
  const { conversation, messages } = await inbox.getConversationWithMessages(id);
  equal(conversation.message_count, messages.length);
  equal((await inbox.getConversations({ search: identifier })).length, 1);
  const metrics = await inbox.getPerformanceMetrics();
  equal(
    metrics.some(({ metric_name }) => metric_name === "message_received"),
    true,
  );

  subscription.unsubscribe();
  inbox.cleanup();
  widget.cleanup();
  const before = heard.length;
  await widget.handleIncomingMessage(id, "unheard");
  equal(heard.length, before);
});
