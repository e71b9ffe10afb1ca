/** The original's service object, on top of the core; its hooks are `romashka/compat/react`. */
export type { OriginalConversation, OriginalMessage } from "./original.js";
export {
  type AiResponse,
  EnhancedRealtimeMessagingService,
  type IncomingMessage,
  type ServiceSubscription,
} from "./service.js";
