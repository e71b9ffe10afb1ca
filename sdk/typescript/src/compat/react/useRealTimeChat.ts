/** The original's hook of a chat window: one conversation, as its customer has it. */
import { useCallback, useEffect, useMemo, useRef } from "react";

import type { Attachment } from "../../attachments.js";
import {
  type ChatMessage,
  chatMessage,
  type ChatParticipant,
  outgoingMessage,
  type TypingIndicator,
} from "../chat.js";
import { chosen } from "../../choices.js";
import type { Conversation } from "../../conversation.js";
import type { Json } from "../../database.js";
import type { Message } from "../../models.js";
import { useRomashka } from "../../react/provider.js";
import { useAttempt } from "./useAttempt.js";
import { useChatConversation } from "./useChatConversation.js";
import { type Draft, useOutgoing } from "./useOutgoing.js";
import { useOthers } from "./useOthers.js";
import { useLatest } from "../../react/useScope.js";
import { useUploads } from "./useUploads.js";

export interface UseRealTimeChatOptions {
  /**
   * Which conversation. If the project has none with this id that the user may see, one is opened when it
   * is needed: with the first message, the first file, or `startConversation`.
   */
  conversationId?: string;
  /**
   * How the team knows the customer, when a conversation is opened. Whose it is, the session decides. When
   * it changes, the conversation is read anew.
   */
  userId?: string;
  /** Is not used: who answers, and how, is in the project's `ai_settings`. No model runs in a browser. */
  agentConfig?: object;
  /** Hears each new message once, in order; the user's own too, when they are stored. */
  onMessageReceived?: (message: ChatMessage) => void;
  onTypingChange?: (typing: TypingIndicator[]) => void;
  onParticipantChange?: (participants: ChatParticipant[]) => void;
  onError?: (error: Error) => void;
  /** Say that what is shown was read. Without it, `markMessageAsRead` does. */
  autoMarkAsRead?: boolean;
  /** Without it, `uploadFile` throws. */
  enableFileUpload?: boolean;
  /** Is not used: the database measures by itself. */
  enableAnalytics?: boolean;
}

export interface UseRealTimeChat {
  /** The conversation's messages in order, then those that are being sent, or could not be. */
  messages: ChatMessage[];
  /** The others who look at the conversation. */
  participants: ChatParticipant[];
  /** The others who type, and the AI while it writes. */
  typingIndicators: TypingIndicator[];
  /** Is each message heard at once? Before there is a conversation: did the project answer? */
  isConnected: boolean;
  /** Is the conversation being read? */
  isLoading: boolean;
  /** What went wrong last, until it works again. */
  error: string | null;
  /**
   * Show a message, and store it; with what was uploaded since the last one. Each file has a message: further
   * files have their names as text.
   *
   * Messages are sent one after the other. One that was not stored within ten seconds is shown as `failed`,
   * told to `onError`, and null is returned.
   *
   * @param messageType is not used: what comes with the text decides
   * @param metadata is stored with it
   */
  sendMessage: (
    content: string,
    messageType?: ChatMessage["message_type"],
    metadata?: ChatMessage["metadata"],
  ) => Promise<ChatMessage | null>;
  /**
   * Choose what a question offers: one of `choicesOf(message)`, counted from 1. It is shown, stored and retried as
   * a message with the choice's label; what is not offered is told to `onError`, and null is returned.
   */
  choose: (message: ChatMessage, number: number) => Promise<ChatMessage | null>;
  /** Say that everything up to this message was read. */
  markMessageAsRead: (messageId: string) => Promise<void>;
  /** Call it at each key with true, and with false when the text was sent or given up. */
  setTyping: (isTyping: boolean) => Promise<void>;
  /** Send a failed message again; it keeps its id, and is stored once. */
  retryMessage: (messageId: string) => Promise<void>;
  /**
   * Leave the conversation. It stays as it is: staff resolve conversations, customers do not; and the next
   * message goes into the one that the customer has open.
   */
  endConversation: () => Promise<void>;
  /** Return the id of the conversation that the customer has open, or of a new one. */
  startConversation: () => Promise<string>;
  /**
   * Store a file for the next message; return a URL under which anybody can read it for an hour. Later,
   * `client.attachments.signedUrl(attachmentOf(message.row))` gives another one.
   */
  uploadFile: (file: File) => Promise<string>;
  /** How many of the others' messages the user has not read. */
  unreadCount: number;
  isAnyoneTyping: boolean;
  /** The same as `participants`. */
  onlineParticipants: ChatParticipant[];
}

/**
 * Everything that a customer's chat window shows, with the original hook's options and fields.
 *
 * A message has one id from the first moment on, and is `sent` only when the project has it. The answers are
 * the worker's; a greeting is the window's to show: what goes through `sendMessage` is the customer's.
 *
 * @example
 * ```tsx
 * const { messages, sendMessage, retryMessage } = useRealTimeChat({ userId: "visitor-17" });
 * ```
 */
export function useRealTimeChat(options: UseRealTimeChatOptions = {}): UseRealTimeChat {
  const client = useRomashka();
  const latest = useLatest(options);
  const tell = useCallback((failure: Error) => latest.current.onError?.(failure), [latest]);
  const { error, attempt, clear } = useAttempt(tell);
  const chat = useChatConversation({
    given: options.conversationId || null,
    identifier: options.userId ?? "",
    onNewMessage: (row) => latest.current.onMessageReceived?.(chatMessage(row)),
    onError: tell,
  });
  const { conversation, isLive, open, start, leave } = chat;
  const readError = chat.isMissing ? null : chat.error;
  const uploads = useUploads({ attempt, open, isEnabled: options.enableFileUpload ?? false });
  const outgoing = useOutgoing(open, chat.messages);
  const others = useOthers({
    conversation,
    onParticipants: options.onParticipantChange,
    onTyping: options.onTypingChange,
  });
  const messages = useMemo(
    () => [
      ...chat.messages.map(chatMessage),
      ...outgoing.outgoing.map((message) => outgoingMessage(message, chat.id)),
    ],
    [chat.id, chat.messages, outgoing.outgoing],
  );
  useEffect(() => {
    if (isLive) clear(); // the project answers again
  }, [clear, isLive]);

  const forget = useCallback(() => {
    clear();
    outgoing.clear();
    uploads.take();
  }, [clear, outgoing.clear, uploads.take]);
  const subject = useRef({ client, id: options.conversationId });
  useEffect(() => {
    const { client: of, id } = subject.current;
    if (of === client && id === options.conversationId) return; // it may be written in already
    subject.current = { client, id: options.conversationId };
    forget(); // it was about another conversation
  }, [client, forget, options.conversationId]);

  const unread = chat.messages.filter(isUnread);
  useReadMarks(
    options.autoMarkAsRead === false || !isLive ? null : conversation,
    unread.at(-1)?.position,
  );

  const sendMessage = useCallback<UseRealTimeChat["sendMessage"]>(
    async (content, _messageType, metadata) => {
      const [first, ...further] = draftsOf(content, metadata, uploads.take());
      if (!first) return null;
      const write = (draft: Draft) => attempt(() => outgoing.write(draft)).catch(() => null);
      const [row] = await Promise.all([first, ...further].map(write));
      return row ? chatMessage(row) : null;
    },
    [attempt, outgoing.write, uploads.take],
  );

  const choose = useCallback<UseRealTimeChat["choose"]>(
    async (message, number) => {
      const write = async () => outgoing.write(chosen(message, number, chat.id));
      const row = await attempt(write).catch(() => null);
      return row && chatMessage(row);
    },
    [attempt, chat.id, outgoing.write],
  );

  const retryMessage = useCallback(
    async (id: string): Promise<void> => {
      await attempt(() => outgoing.retry(id)).catch(() => {});
    },
    [attempt, outgoing.retry],
  );

  const markMessageAsRead = useCallback(
    async (id: string): Promise<void> => {
      const position = chat.messages.find((message) => message.id === id)?.position;
      if (!conversation || position === undefined) return;
      await attempt(() => conversation.markRead(position)).catch(() => {});
    },
    [attempt, chat.messages, conversation],
  );

  const startConversation = useCallback(
    () => attempt(async () => (await start()).id),
    [attempt, start],
  );

  const endConversation = useCallback(async (): Promise<void> => {
    forget();
    leave();
  }, [forget, leave]);

  return {
    messages,
    ...others,
    isConnected: conversation ? isLive : chat.isMissing,
    isLoading: chat.isLoading,
    error: (error ?? readError)?.message ?? null,
    sendMessage,
    choose,
    markMessageAsRead,
    retryMessage,
    endConversation,
    startConversation,
    uploadFile: uploads.upload,
    unreadCount: unread.length,
  };
}

/** Make a message of the text, and of each file: a message has one. */
function draftsOf(text: string, metadata: ChatMessage["metadata"], files: Attachment[]): Draft[] {
  const [attachment, ...further] = files;
  if (!text.trim() && !attachment) return [];
  const first = {
    text: text.trim() ? text : attachment!.name,
    metadata: metadata as Record<string, Json> | undefined,
    attachment,
  };
  return [first, ...further.map((file) => ({ text: file.name, attachment: file }))];
}

/** Say what was read, once it is heard again that it was; what fails is said with the next one. */
function useReadMarks(conversation: Conversation | null, position: number | undefined): void {
  useEffect(() => {
    if (position !== undefined) conversation?.markRead(position).catch(() => {});
  }, [conversation, position]);
}

const isUnread = ({ sender_type, delivery_status }: Message): boolean =>
  sender_type !== "user" && delivery_status !== "read";
