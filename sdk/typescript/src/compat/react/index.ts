"use client";

/** The original's hooks, on the stores of the core. */
export type { ChatMessage, ChatParticipant, TypingIndicator } from "../chat.js";
export type { OriginalConversation, OriginalMessage } from "../original.js";
export { useRealtimeMessages, type UseRealtimeMessagesOptions } from "./useRealtimeMessages.js";
export {
  useRealTimeChat,
  type UseRealTimeChat,
  type UseRealTimeChatOptions,
} from "./useRealTimeChat.js";
