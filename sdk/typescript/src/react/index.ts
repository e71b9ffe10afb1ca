"use client";

/** React hooks for inboxes and chat windows. */
export * from "../compat/react/index.js";
export { RomashkaProvider, useClient, useRomashka } from "./provider.js";
export { useConnection } from "./useConnection.js";
export {
  useConversations,
  type UseConversations,
  type UseConversationsOptions,
} from "./useConversations.js";
export { useInboxView, type UseInboxView } from "./useInboxView.js";
export { useReplyStream, type UseReplyStream } from "./useReplyStream.js";
export { useStore } from "./useStore.js";
export { useThread, type UseThread } from "./useThread.js";
export { useTyping, type UseTyping } from "./useTyping.js";
