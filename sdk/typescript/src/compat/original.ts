/** Rows as the original's frontends read them: its fields, beside the columns. */
import type { ChannelType, ConversationRow, Customer, Message } from "../models.js";

/** A conversation with the fields of the original's hook and of its service. */
export interface OriginalConversation extends ConversationRow {
  customerIdentity: {
    id: string | null;
    name: string;
    email: string | null;
    phone: string | null;
    channels: ChannelType[];
  };
  channels: {
    type: ChannelType;
    conversationId: string;
    lastMessage: Date;
    unreadCount: number;
  }[];
  lastActivity: Date;
  totalMessages: number;
  tags: string[];
  assignedAgentId: string | null;
  assignedAgent: string | null;
  customerId: string | null;
  customerName: string | null;
  customerEmail: string | null;
  customerPhone: string | null;
  customerProfile: (Customer & { satisfactionRating: number | null }) | undefined;
  channel: ChannelType;
  lastMessage: string | null;
  lastMessageAt: Date;
  messageCount: number;
  requiresHuman: boolean;
  aiConfidence: number | null;
  createdAt: Date;
  updatedAt: Date;
}

/** A message with the fields of the original's hook. */
export interface OriginalMessage extends Message {
  timestamp: Date;
  isFromCustomer: boolean;
  deliveryStatus: string;
  channelType: string;
}

/** Add the original's fields to a conversation. */
export function originalConversation(row: ConversationRow): OriginalConversation {
  const customer = row.customer_profiles;
  const name = row.customer_name ?? row.user_name;
  const email = customer?.email ?? row.user_email;
  const phone = customer?.phone ?? row.customer_phone;
  const lastMessageAt = new Date(row.last_message_at ?? row.created_at);
  return {
    ...row,
    customerIdentity: {
      id: row.customer_id,
      name: customer?.name ?? name ?? "Unknown",
      email,
      phone,
      channels: [row.channel_type],
    },
    channels: [
      {
        type: row.channel_type,
        conversationId: row.id,
        lastMessage: lastMessageAt,
        unreadCount: Math.max(0, row.message_count - row.agent_read_position),
      },
    ],
    lastActivity: lastMessageAt,
    totalMessages: row.message_count,
    tags: row.tags ?? [],
    assignedAgentId: row.assigned_agent_id,
    assignedAgent: row.assigned_agent_id,
    customerId: row.customer_id,
    customerName: name,
    customerEmail: email,
    customerPhone: phone,
    customerProfile: customer
      ? { ...customer, satisfactionRating: customer.satisfaction_rating }
      : undefined,
    channel: row.channel_type,
    lastMessage: row.last_message,
    lastMessageAt,
    messageCount: row.message_count,
    requiresHuman: row.requires_human,
    aiConfidence: row.ai_confidence,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
  };
}

/** Add the original's fields to a message. */
export function originalMessage(message: Message): OriginalMessage {
  return {
    ...message,
    timestamp: new Date(message.created_at),
    isFromCustomer: message.sender_type === "user",
    deliveryStatus: message.delivery_status ?? "sent",
    channelType: message.channel_type ?? "website",
    metadata: message.metadata ?? {},
  };
}
