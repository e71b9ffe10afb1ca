"use client";

/** React hooks for inboxes and chat windows. */
export type { ChatMessage, ChatParticipant, TypingIndicator } from "../chat.js";
export type { OriginalConversation, OriginalMessage } from "../original.js";
export { RomashkaProvider, useRomashka } from "./provider.js";
export {
  useConversations,
  type UseConversations,
  type UseConversationsOptions,
} from "./useConversations.js";
export { useRealtimeMessages, type UseRealtimeMessagesOptions } from "./useRealtimeMessages.js";
export {
  useRealTimeChat,
  type UseRealTimeChat,
  type UseRealTimeChatOptions,
} from "./useRealTimeChat.js";
export { useReplyStream, type UseReplyStream } from "./useReplyStream.js";
export { useTyping, type UseTyping } from "./useTyping.js";
