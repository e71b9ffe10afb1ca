/** The original's service object, on top of the core. */
import type { Romashka } from "./client.js";
import type { ListOptions } from "./conversations.js";
import { NoAnswer } from "./errors.js";
import { type ChannelType, type ConversationRow, kindOf, type Message } from "./models.js";
import { Scope } from "./scope.js";

/** What `sendMessage` gives. After an agent's message, and when nobody answered, `response` is empty. */
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
  #count = 0;

  constructor(private readonly client: Romashka) {}

  /** Open a conversation, or find the customer's open one on this channel; return its id. */
  async createConversation(
    customerIdentifier: string,
    channelType: ChannelType = "website",
    initialMessage = "",
  ): Promise<string> {
    const { conversations } = this.client;
    return (
      await conversations.create(customerIdentifier, { channelType, message: initialMessage })
    ).id;
  }

  /** The same: there is at most one open conversation a customer and channel. */
  createOrGetConversation = this.createConversation.bind(this);

  /** Return a page of conversations, the latest first. */
  async getConversations(options: ListOptions = {}): Promise<ConversationRow[]> {
    return (await this.client.conversations.list(options)).map(({ row }) => row);
  }

  /** Return a conversation and its newest messages, oldest first. */
  async getConversationWithMessages(
    conversationId: string,
    messageLimit = 50,
  ): Promise<{ conversation: ConversationRow; messages: Message[] }> {
    const conversation = await this.client.conversations.get(conversationId);
    return {
      conversation: conversation.row,
      messages: await conversation.messages({ limit: messageLimit }),
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
      return { ...NOTHING, requiresHuman: true };
    }
    const sentAt = performance.now();
    try {
      const answer = await conversation.ask(message);
      return await this.#described(conversationId, answer, performance.now() - sentAt);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      return { ...NOTHING, requiresHuman: true, responseTime: performance.now() - sentAt };
    }
  }

  /** Store a customer's message, and wait for nothing. */
  async handleIncomingMessage(conversationId: string, content: string): Promise<Message> {
    return (await this.client.conversations.get(conversationId)).send(content);
  }

  /** Hear each new message of a conversation, once and in order. */
  subscribeToConversation(
    conversationId: string,
    onMessage: (message: Message) => void,
    onError?: (error: Error) => void,
  ): ServiceSubscription {
    return this.#subscribe(onError, async (scope) => {
      const conversation = await this.client.conversations.get(conversationId);
      const [newest] = await conversation.messages({ limit: 1 });
      const events = conversation.events({ after: newest?.position ?? 0 });
      await scope.read(events, ({ message }) => onMessage(message));
    });
  }

  /** Hear of the newest conversations, then of each that changes. Staff only. */
  subscribeToAllConversations(
    onChange: (conversation: ConversationRow) => void,
    onError?: (error: Error) => void,
  ): ServiceSubscription {
    return this.#subscribe(onError, (scope) =>
      scope.read(this.client.inbox.events(), ({ conversation }) => onChange(conversation)),
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
    onError: ((error: Error) => void) | undefined,
    read: (scope: Scope) => Promise<void>,
  ): ServiceSubscription {
    const scope = new Scope();
    const subscription = {
      id: `subscription-${(this.#count += 1)}`,
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

const NOTHING: AiResponse = {
  response: "",
  confidence: 0,
  requiresHuman: false,
  responseTime: 0,
  intent: null,
  sentiment: null,
  knowledgeUsed: [],
};
