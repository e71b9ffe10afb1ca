/** The original's service object, on top of the core. */
import type { Client } from "../client.js";
import type { ListOptions } from "../conversations.js";
import { NoAnswer, NoAnswerNeeded } from "../errors.js";
import { type ChannelType, kindOf, type Message } from "../models.js";
import {
  type OriginalConversation,
  originalConversation,
  type OriginalMessage,
  originalMessage,
} from "./original.js";
import { Scope } from "../scope.js";

/** What `sendMessage` gives: the answer; after an agent's message, that message. */
export interface AiResponse {
  response: string;
  confidence: number;
  requiresHuman: boolean;
  /** Milliseconds from the message to its answer. */
  responseTime: number;
  intent: string | null;
  sentiment: string | null;
  knowledgeUsed: string[];
}

/** The parts of the original's message that the database does not decide itself. */
export interface IncomingMessage {
  conversation_id: string;
  content: string;
  sender_type?: "user" | "agent";
}

export interface ServiceSubscription {
  id: string;
  unsubscribe: () => void;
}

/**
 * The methods that frontends of the original call.
 *
 * @example In the file that made the original's service:
 * ```ts
 * export const enhancedRealtimeMessagingService =
 *   new EnhancedRealtimeMessagingService(new Romashka(supabase));
 * ```
 */
export class EnhancedRealtimeMessagingService {
  readonly #subscriptions = new Set<ServiceSubscription>();

  constructor(private readonly client: Client) {}

  /** Open a conversation, or find the customer's open one on this channel. */
  async createConversation(
    customerIdentifier: string,
    channelType: ChannelType = "website",
    initialMessage = "",
  ): Promise<OriginalConversation> {
    const first = { channelType, message: initialMessage };
    const { row } = await this.client.conversations.create(customerIdentifier, first);
    return originalConversation(row);
  }

  /** The same: there is at most one open conversation a customer and channel. */
  createOrGetConversation = this.createConversation.bind(this);

  /** Return the conversations, the latest first; as many as a project gives at once. */
  async getConversations(options: ListOptions = {}): Promise<OriginalConversation[]> {
    const found = await this.client.conversations.list({ limit: MAX_ROWS, ...options });
    return found.map(({ row }) => originalConversation(row));
  }

  /** Return a conversation and its newest messages, oldest first. */
  async getConversationWithMessages(
    conversationId: string,
    messageLimit = 50,
  ): Promise<{ conversation: OriginalConversation; messages: OriginalMessage[] }> {
    const conversation = await this.client.conversations.get(conversationId);
    const messages = await conversation.messages({ limit: messageLimit });
    return {
      conversation: originalConversation(conversation.row),
      messages: messages.map(originalMessage),
    };
  }

  /** Write a message; as a customer's, wait for its automatic answer. */
  async sendMessage(
    message: string,
    conversationId: string,
    senderType: "user" | "agent" = "user",
  ): Promise<AiResponse> {
    const conversation = await this.client.conversations.get(conversationId);
    if (senderType === "agent") {
      await conversation.send(message, { senderType: "agent" });
      return { ...NOTHING, response: message, confidence: 1 };
    }
    const sentAt = performance.now();
    try {
      const answer = await conversation.ask(message);
      return await this.#described(conversationId, answer, performance.now() - sentAt);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      const requiresHuman = !(error instanceof NoAnswerNeeded);
      return { ...NOTHING, requiresHuman, responseTime: performance.now() - sentAt };
    }
  }

  /** Store a message that came in, and wait for nothing: its answer comes to who subscribed. */
  async handleIncomingMessage(message: IncomingMessage): Promise<void> {
    const conversation = await this.client.conversations.get(message.conversation_id);
    await conversation.send(message.content, { senderType: message.sender_type ?? "user" });
  }

  /** Hear each new message of a conversation, once and in order. */
  subscribeToConversation(
    conversationId: string,
    onMessage: (message: OriginalMessage) => void,
    onError?: (error: Error) => void,
  ): ServiceSubscription {
    return this.#subscribe(conversationId, onError, async (scope) => {
      const conversation = await this.client.conversations.get(conversationId);
      const [newest] = await conversation.messages({ limit: 1 });
      const events = conversation.events({ after: newest?.position ?? 0 });
      await scope.read(events, ({ message }) => onMessage(originalMessage(message)));
    });
  }

  /** Hear of the newest conversations, then of each that changes. Staff only. */
  subscribeToAllConversations(
    onChange: (conversation: OriginalConversation) => void,
    onError?: (error: Error) => void,
  ): ServiceSubscription {
    return this.#subscribe("all-conversations", onError, (scope) =>
      scope.read(this.client.inbox.events(), ({ conversation }) =>
        onChange(originalConversation(conversation)),
      ),
    );
  }

  /** Return the figures of the last minutes, a row a metric. Staff only. */
  getPerformanceMetrics(minutes = 60) {
    return this.client.call("get_realtime_messaging_metrics", { time_window_minutes: minutes });
  }

  /** End all subscriptions. */
  cleanup(): void {
    this.#subscriptions.forEach((subscription) => subscription.unsubscribe());
  }

  #subscribe(
    id: string,
    onError: ((error: Error) => void) | undefined,
    read: (scope: Scope) => Promise<void>,
  ): ServiceSubscription {
    const scope = new Scope();
    const subscription = {
      id,
      unsubscribe: () => {
        scope.end();
        this.#subscriptions.delete(subscription);
      },
    };
    this.#subscriptions.add(subscription);
    read(scope).catch((error: Error) => {
      if (!scope.isOver) onError?.(error);
    });
    return subscription;
  }

  async #described(id: string, answer: Message, responseTime: number): Promise<AiResponse> {
    const { row } = await this.client.conversations.get(id);
    return {
      response: answer.content,
      confidence: answer.confidence_score ?? 0,
      requiresHuman: kindOf(answer) === "handover",
      responseTime,
      intent: answer.intent_detected ?? row.intent,
      sentiment: row.sentiment,
      knowledgeUsed: Array.isArray(answer.knowledge_sources)
        ? answer.knowledge_sources.map(String)
        : [],
    };
  }
}

const MAX_ROWS = 1_000;

const NOTHING: AiResponse = {
  response: "",
  confidence: 0,
  requiresHuman: false,
  responseTime: 0,
  intent: null,
  sentiment: null,
  knowledgeUsed: [],
};
