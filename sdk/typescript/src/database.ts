/** The database's types. `make types` writes this file: do not edit it. */
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[];

export type Database = {
  public: {
    Tables: {
      ai_response_queue: {
        Row: {
          ai_confidence: number | null;
          ai_response: string | null;
          attempt: number;
          completed_at: string | null;
          conversation_id: string;
          created_at: string | null;
          deadline: string | null;
          error_message: string | null;
          id: string;
          is_return: boolean;
          leased_to: number | null;
          leased_until: string | null;
          max_retries: number | null;
          message_id: string;
          outcome: string | null;
          priority: number | null;
          process_after: string | null;
          processed_at: string | null;
          response_time_ms: number | null;
          retry_count: number | null;
          set_aside_count: number;
          set_aside_until: string | null;
          status: string | null;
          turn_id: string | null;
          turn_started_at: string | null;
          user_message: string;
        };
        ComputedFields: never;
        Insert: {
          ai_confidence?: number | null;
          ai_response?: string | null;
          attempt?: number;
          completed_at?: string | null;
          conversation_id: string;
          created_at?: string | null;
          deadline?: string | null;
          error_message?: string | null;
          id?: string;
          is_return?: boolean;
          leased_to?: number | null;
          leased_until?: string | null;
          max_retries?: number | null;
          message_id: string;
          outcome?: string | null;
          priority?: number | null;
          process_after?: string | null;
          processed_at?: string | null;
          response_time_ms?: number | null;
          retry_count?: number | null;
          set_aside_count?: number;
          set_aside_until?: string | null;
          status?: string | null;
          turn_id?: string | null;
          turn_started_at?: string | null;
          user_message: string;
        };
        Update: {
          ai_confidence?: number | null;
          ai_response?: string | null;
          attempt?: number;
          completed_at?: string | null;
          conversation_id?: string;
          created_at?: string | null;
          deadline?: string | null;
          error_message?: string | null;
          id?: string;
          is_return?: boolean;
          leased_to?: number | null;
          leased_until?: string | null;
          max_retries?: number | null;
          message_id?: string;
          outcome?: string | null;
          priority?: number | null;
          process_after?: string | null;
          processed_at?: string | null;
          response_time_ms?: number | null;
          retry_count?: number | null;
          set_aside_count?: number;
          set_aside_until?: string | null;
          status?: string | null;
          turn_id?: string | null;
          turn_started_at?: string | null;
          user_message?: string;
        };
        Relationships: [
          {
            foreignKeyName: "ai_response_queue_conversation_id_fkey";
            columns: ["conversation_id"];
            isOneToOne: false;
            referencedRelation: "conversations";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "ai_response_queue_message_id_fkey";
            columns: ["message_id"];
            isOneToOne: false;
            referencedRelation: "messages";
            referencedColumns: ["id"];
          },
        ];
      };
      ai_settings: {
        Row: {
          answers_acknowledgements: boolean;
          answers_while_waiting: boolean;
          cap_ms: number;
          conversation_url: string | null;
          deadline_ms: number;
          default_language: string | null;
          escalation_probability: number;
          escalation_topics: string[];
          grounding: boolean;
          handover_repeat_minutes: number;
          handover_texts: NonNullable<Json>;
          id: boolean;
          keep_conversations_days: number | null;
          keep_deliveries_days: number;
          keep_turns_days: number;
          keep_visitors_days: number;
          keep_webhooks_days: number;
          max_conversations_per_hour: number;
          max_failed_replies: number | null;
          max_files_per_hour: number;
          max_megabytes_per_customer: number;
          max_megabytes_per_hour: number;
          max_message_chars: number;
          max_messages_per_minute: number;
          max_negative_sentiment: number | null;
          max_ratings_per_hour: number;
          min_choice_confidence: number | null;
          min_confidence: number;
          persona: string;
          quiet_ms: number;
          small_talk_texts: NonNullable<Json>;
          stream_budget_per_second: number;
          updated_at: string;
        };
        ComputedFields: never;
        Insert: {
          answers_acknowledgements?: boolean;
          answers_while_waiting?: boolean;
          cap_ms?: number;
          conversation_url?: string | null;
          deadline_ms?: number;
          default_language?: string | null;
          escalation_probability?: number;
          escalation_topics?: string[];
          grounding?: boolean;
          handover_repeat_minutes?: number;
          handover_texts?: NonNullable<Json>;
          id?: boolean;
          keep_conversations_days?: number | null;
          keep_deliveries_days?: number;
          keep_turns_days?: number;
          keep_visitors_days?: number;
          keep_webhooks_days?: number;
          max_conversations_per_hour?: number;
          max_failed_replies?: number | null;
          max_files_per_hour?: number;
          max_megabytes_per_customer?: number;
          max_megabytes_per_hour?: number;
          max_message_chars?: number;
          max_messages_per_minute?: number;
          max_negative_sentiment?: number | null;
          max_ratings_per_hour?: number;
          min_choice_confidence?: number | null;
          min_confidence?: number;
          persona?: string;
          quiet_ms?: number;
          small_talk_texts?: NonNullable<Json>;
          stream_budget_per_second?: number;
          updated_at?: string;
        };
        Update: {
          answers_acknowledgements?: boolean;
          answers_while_waiting?: boolean;
          cap_ms?: number;
          conversation_url?: string | null;
          deadline_ms?: number;
          default_language?: string | null;
          escalation_probability?: number;
          escalation_topics?: string[];
          grounding?: boolean;
          handover_repeat_minutes?: number;
          handover_texts?: NonNullable<Json>;
          id?: boolean;
          keep_conversations_days?: number | null;
          keep_deliveries_days?: number;
          keep_turns_days?: number;
          keep_visitors_days?: number;
          keep_webhooks_days?: number;
          max_conversations_per_hour?: number;
          max_failed_replies?: number | null;
          max_files_per_hour?: number;
          max_megabytes_per_customer?: number;
          max_megabytes_per_hour?: number;
          max_message_chars?: number;
          max_messages_per_minute?: number;
          max_negative_sentiment?: number | null;
          max_ratings_per_hour?: number;
          min_choice_confidence?: number | null;
          min_confidence?: number;
          persona?: string;
          quiet_ms?: number;
          small_talk_texts?: NonNullable<Json>;
          stream_budget_per_second?: number;
          updated_at?: string;
        };
        Relationships: [];
      };
      business_hours: {
        Row: {
          away_texts: NonNullable<Json>;
          channel_id: string | null;
          channel_type: string | null;
          created_at: string;
          hours: NonNullable<Json>;
          id: string;
          updated_at: string;
        };
        ComputedFields: never;
        Insert: {
          away_texts?: NonNullable<Json>;
          channel_id?: string | null;
          channel_type?: string | null;
          created_at?: string;
          hours: NonNullable<Json>;
          id?: string;
          updated_at?: string;
        };
        Update: {
          away_texts?: NonNullable<Json>;
          channel_id?: string | null;
          channel_type?: string | null;
          created_at?: string;
          hours?: NonNullable<Json>;
          id?: string;
          updated_at?: string;
        };
        Relationships: [
          {
            foreignKeyName: "business_hours_channel_id_fkey";
            columns: ["channel_id"];
            isOneToOne: false;
            referencedRelation: "communication_channels";
            referencedColumns: ["id"];
          },
        ];
      };
      channel_deliveries: {
        Row: {
          attempt: number;
          channel_id: string;
          conversation_id: string;
          created_at: string;
          error: string | null;
          error_code: string | null;
          expires_at: string;
          external_ids: string[];
          failures: number;
          id: string;
          is_typing: boolean;
          kind: string;
          leased_by: string | null;
          message_id: string;
          parts_sent: number;
          position: number;
          process_after: string | null;
          settled_at: string | null;
          status: string;
          unconfirmed: number;
        };
        ComputedFields: never;
        Insert: {
          attempt?: number;
          channel_id: string;
          conversation_id: string;
          created_at?: string;
          error?: string | null;
          error_code?: string | null;
          expires_at: string;
          external_ids?: string[];
          failures?: number;
          id?: string;
          is_typing?: boolean;
          kind?: string;
          leased_by?: string | null;
          message_id: string;
          parts_sent?: number;
          position: number;
          process_after?: string | null;
          settled_at?: string | null;
          status?: string;
          unconfirmed?: number;
        };
        Update: {
          attempt?: number;
          channel_id?: string;
          conversation_id?: string;
          created_at?: string;
          error?: string | null;
          error_code?: string | null;
          expires_at?: string;
          external_ids?: string[];
          failures?: number;
          id?: string;
          is_typing?: boolean;
          kind?: string;
          leased_by?: string | null;
          message_id?: string;
          parts_sent?: number;
          position?: number;
          process_after?: string | null;
          settled_at?: string | null;
          status?: string;
          unconfirmed?: number;
        };
        Relationships: [
          {
            foreignKeyName: "channel_deliveries_channel_id_fkey";
            columns: ["channel_id"];
            isOneToOne: false;
            referencedRelation: "communication_channels";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "channel_deliveries_conversation_id_fkey";
            columns: ["conversation_id"];
            isOneToOne: false;
            referencedRelation: "conversations";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "channel_deliveries_message_id_fkey";
            columns: ["message_id"];
            isOneToOne: false;
            referencedRelation: "messages";
            referencedColumns: ["id"];
          },
        ];
      };
      communication_channels: {
        Row: {
          api_credentials: Json | null;
          configuration: NonNullable<Json>;
          connected_at: string | null;
          created_at: string | null;
          external_account_id: string | null;
          failed_count: number;
          id: string;
          last_error: string | null;
          last_error_at: string | null;
          last_received_at: string | null;
          last_sent_at: string | null;
          name: string;
          received_count: number;
          sent_count: number;
          status: string;
          type: string;
          updated_at: string | null;
          webhook_secret: string | null;
          webhook_url: string | null;
        };
        ComputedFields: never;
        Insert: {
          api_credentials?: Json | null;
          configuration?: NonNullable<Json>;
          connected_at?: string | null;
          created_at?: string | null;
          external_account_id?: string | null;
          failed_count?: number;
          id?: string;
          last_error?: string | null;
          last_error_at?: string | null;
          last_received_at?: string | null;
          last_sent_at?: string | null;
          name: string;
          received_count?: number;
          sent_count?: number;
          status?: string;
          type: string;
          updated_at?: string | null;
          webhook_secret?: string | null;
          webhook_url?: string | null;
        };
        Update: {
          api_credentials?: Json | null;
          configuration?: NonNullable<Json>;
          connected_at?: string | null;
          created_at?: string | null;
          external_account_id?: string | null;
          failed_count?: number;
          id?: string;
          last_error?: string | null;
          last_error_at?: string | null;
          last_received_at?: string | null;
          last_sent_at?: string | null;
          name?: string;
          received_count?: number;
          sent_count?: number;
          status?: string;
          type?: string;
          updated_at?: string | null;
          webhook_secret?: string | null;
          webhook_url?: string | null;
        };
        Relationships: [];
      };
      conversation_notes: {
        Row: {
          author_id: string | null;
          content: string;
          conversation_id: string;
          created_at: string;
          id: string;
        };
        ComputedFields: never;
        Insert: {
          author_id?: string | null;
          content: string;
          conversation_id: string;
          created_at?: string;
          id?: string;
        };
        Update: {
          author_id?: string | null;
          content?: string;
          conversation_id?: string;
          created_at?: string;
          id?: string;
        };
        Relationships: [
          {
            foreignKeyName: "conversation_notes_author_id_fkey";
            columns: ["author_id"];
            isOneToOne: false;
            referencedRelation: "profiles";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "conversation_notes_conversation_id_fkey";
            columns: ["conversation_id"];
            isOneToOne: false;
            referencedRelation: "conversations";
            referencedColumns: ["id"];
          },
        ];
      };
      conversations: {
        Row: {
          agent_read_position: number;
          ai_confidence: number | null;
          answer_email: string | null;
          assigned_agent_id: string | null;
          business_context: Json | null;
          channel_id: string | null;
          channel_type: string | null;
          created_at: string | null;
          customer_id: string | null;
          customer_name: string | null;
          customer_phone: string | null;
          customer_read_position: number;
          customer_social_id: string | null;
          department: string | null;
          escalation_reason: string | null;
          external_conversation_id: string | null;
          handed_over_at: string | null;
          handoff_reason: string | null;
          id: string;
          intent: string | null;
          language: string | null;
          last_human_at: string | null;
          last_message: string | null;
          last_message_at: string | null;
          message_count: number | null;
          priority: string | null;
          reopened_at: string | null;
          requires_human: boolean | null;
          resolution_time_seconds: number | null;
          resolved_at: string | null;
          satisfaction_rating: number | null;
          satisfaction_score: number | null;
          sentiment: string | null;
          status: string | null;
          tags: string[] | null;
          updated_at: string | null;
          user_email: string | null;
          user_name: string | null;
          waiting_since: string | null;
          workflow_id: string | null;
          turn: Json | null;
        };
        ComputedFields: "turn";
        Insert: {
          agent_read_position?: number;
          ai_confidence?: number | null;
          answer_email?: string | null;
          assigned_agent_id?: string | null;
          business_context?: Json | null;
          channel_id?: string | null;
          channel_type?: string | null;
          created_at?: string | null;
          customer_id?: string | null;
          customer_name?: string | null;
          customer_phone?: string | null;
          customer_read_position?: number;
          customer_social_id?: string | null;
          department?: string | null;
          escalation_reason?: string | null;
          external_conversation_id?: string | null;
          handed_over_at?: string | null;
          handoff_reason?: string | null;
          id?: string;
          intent?: string | null;
          language?: string | null;
          last_human_at?: string | null;
          last_message?: string | null;
          last_message_at?: string | null;
          message_count?: number | null;
          priority?: string | null;
          reopened_at?: string | null;
          requires_human?: boolean | null;
          resolution_time_seconds?: number | null;
          resolved_at?: string | null;
          satisfaction_rating?: number | null;
          satisfaction_score?: number | null;
          sentiment?: string | null;
          status?: string | null;
          tags?: string[] | null;
          updated_at?: string | null;
          user_email?: string | null;
          user_name?: string | null;
          waiting_since?: string | null;
          workflow_id?: string | null;
        };
        Update: {
          agent_read_position?: number;
          ai_confidence?: number | null;
          answer_email?: string | null;
          assigned_agent_id?: string | null;
          business_context?: Json | null;
          channel_id?: string | null;
          channel_type?: string | null;
          created_at?: string | null;
          customer_id?: string | null;
          customer_name?: string | null;
          customer_phone?: string | null;
          customer_read_position?: number;
          customer_social_id?: string | null;
          department?: string | null;
          escalation_reason?: string | null;
          external_conversation_id?: string | null;
          handed_over_at?: string | null;
          handoff_reason?: string | null;
          id?: string;
          intent?: string | null;
          language?: string | null;
          last_human_at?: string | null;
          last_message?: string | null;
          last_message_at?: string | null;
          message_count?: number | null;
          priority?: string | null;
          reopened_at?: string | null;
          requires_human?: boolean | null;
          resolution_time_seconds?: number | null;
          resolved_at?: string | null;
          satisfaction_rating?: number | null;
          satisfaction_score?: number | null;
          sentiment?: string | null;
          status?: string | null;
          tags?: string[] | null;
          updated_at?: string | null;
          user_email?: string | null;
          user_name?: string | null;
          waiting_since?: string | null;
          workflow_id?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "conversations_assigned_agent_id_fkey";
            columns: ["assigned_agent_id"];
            isOneToOne: false;
            referencedRelation: "profiles";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "conversations_channel_id_fkey";
            columns: ["channel_id"];
            isOneToOne: false;
            referencedRelation: "communication_channels";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "conversations_customer_id_fkey";
            columns: ["customer_id"];
            isOneToOne: false;
            referencedRelation: "customer_profiles";
            referencedColumns: ["id"];
          },
        ];
      };
      customer_profiles: {
        Row: {
          avg_satisfaction: number | null;
          company: string | null;
          created_at: string | null;
          custom_fields: Json | null;
          email: string | null;
          external_id: string | null;
          first_interaction: string | null;
          id: string;
          language: string | null;
          last_interaction: string | null;
          location: string | null;
          name: string | null;
          notes: string | null;
          phone: string | null;
          preferences: Json | null;
          satisfaction_rating: number | null;
          status: string | null;
          tags: string[] | null;
          timezone: string | null;
          total_conversations: number | null;
          updated_at: string | null;
          user_id: string | null;
          verified_id: string | null;
        };
        ComputedFields: never;
        Insert: {
          avg_satisfaction?: number | null;
          company?: string | null;
          created_at?: string | null;
          custom_fields?: Json | null;
          email?: string | null;
          external_id?: string | null;
          first_interaction?: string | null;
          id?: string;
          language?: string | null;
          last_interaction?: string | null;
          location?: string | null;
          name?: string | null;
          notes?: string | null;
          phone?: string | null;
          preferences?: Json | null;
          satisfaction_rating?: number | null;
          status?: string | null;
          tags?: string[] | null;
          timezone?: string | null;
          total_conversations?: number | null;
          updated_at?: string | null;
          user_id?: string | null;
          verified_id?: string | null;
        };
        Update: {
          avg_satisfaction?: number | null;
          company?: string | null;
          created_at?: string | null;
          custom_fields?: Json | null;
          email?: string | null;
          external_id?: string | null;
          first_interaction?: string | null;
          id?: string;
          language?: string | null;
          last_interaction?: string | null;
          location?: string | null;
          name?: string | null;
          notes?: string | null;
          phone?: string | null;
          preferences?: Json | null;
          satisfaction_rating?: number | null;
          status?: string | null;
          tags?: string[] | null;
          timezone?: string | null;
          total_conversations?: number | null;
          updated_at?: string | null;
          user_id?: string | null;
          verified_id?: string | null;
        };
        Relationships: [];
      };
      knowledge_items: {
        Row: {
          category_id: string | null;
          content: string;
          created_at: string | null;
          effectiveness_score: number | null;
          id: string;
          language: string | null;
          source_type: string;
          source_url: string | null;
          status: string | null;
          tags: string[] | null;
          title: string;
          updated_at: string | null;
          usage_count: number | null;
        };
        ComputedFields: never;
        Insert: {
          category_id?: string | null;
          content: string;
          created_at?: string | null;
          effectiveness_score?: number | null;
          id?: string;
          language?: string | null;
          source_type?: string;
          source_url?: string | null;
          status?: string | null;
          tags?: string[] | null;
          title: string;
          updated_at?: string | null;
          usage_count?: number | null;
        };
        Update: {
          category_id?: string | null;
          content?: string;
          created_at?: string | null;
          effectiveness_score?: number | null;
          id?: string;
          language?: string | null;
          source_type?: string;
          source_url?: string | null;
          status?: string | null;
          tags?: string[] | null;
          title?: string;
          updated_at?: string | null;
          usage_count?: number | null;
        };
        Relationships: [];
      };
      message_drafts: {
        Row: {
          agent_id: string;
          content: string;
          conversation_id: string;
          id: string;
          mode: string;
          revision: number;
          updated_at: string;
        };
        ComputedFields: never;
        Insert: {
          agent_id?: string;
          content: string;
          conversation_id: string;
          id?: string;
          mode?: string;
          revision: number;
          updated_at?: string;
        };
        Update: {
          agent_id?: string;
          content?: string;
          conversation_id?: string;
          id?: string;
          mode?: string;
          revision?: number;
          updated_at?: string;
        };
        Relationships: [
          {
            foreignKeyName: "message_drafts_agent_id_fkey";
            columns: ["agent_id"];
            isOneToOne: false;
            referencedRelation: "profiles";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "message_drafts_conversation_id_fkey";
            columns: ["conversation_id"];
            isOneToOne: false;
            referencedRelation: "conversations";
            referencedColumns: ["id"];
          },
        ];
      };
      messages: {
        Row: {
          channel_type: string | null;
          confidence_score: number | null;
          content: string;
          conversation_id: string | null;
          created_at: string | null;
          delivery_status: string | null;
          external_message_id: string | null;
          id: string;
          intent_detected: string | null;
          knowledge_sources: Json | null;
          media_caption: string | null;
          media_url: string | null;
          message_type: string | null;
          metadata: Json | null;
          position: number;
          processing_time_ms: number | null;
          sender_id: string | null;
          sender_type: string;
          status: string | null;
          tokens_used: number | null;
          turn_id: string | null;
          updated_at: string | null;
        };
        ComputedFields: never;
        Insert: {
          channel_type?: string | null;
          confidence_score?: number | null;
          content: string;
          conversation_id?: string | null;
          created_at?: string | null;
          delivery_status?: string | null;
          external_message_id?: string | null;
          id?: string;
          intent_detected?: string | null;
          knowledge_sources?: Json | null;
          media_caption?: string | null;
          media_url?: string | null;
          message_type?: string | null;
          metadata?: Json | null;
          position: number;
          processing_time_ms?: number | null;
          sender_id?: string | null;
          sender_type: string;
          status?: string | null;
          tokens_used?: number | null;
          turn_id?: string | null;
          updated_at?: string | null;
        };
        Update: {
          channel_type?: string | null;
          confidence_score?: number | null;
          content?: string;
          conversation_id?: string | null;
          created_at?: string | null;
          delivery_status?: string | null;
          external_message_id?: string | null;
          id?: string;
          intent_detected?: string | null;
          knowledge_sources?: Json | null;
          media_caption?: string | null;
          media_url?: string | null;
          message_type?: string | null;
          metadata?: Json | null;
          position?: number;
          processing_time_ms?: number | null;
          sender_id?: string | null;
          sender_type?: string;
          status?: string | null;
          tokens_used?: number | null;
          turn_id?: string | null;
          updated_at?: string | null;
        };
        Relationships: [
          {
            foreignKeyName: "messages_conversation_id_fkey";
            columns: ["conversation_id"];
            isOneToOne: false;
            referencedRelation: "conversations";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "messages_sender_id_fkey";
            columns: ["sender_id"];
            isOneToOne: false;
            referencedRelation: "profiles";
            referencedColumns: ["id"];
          },
        ];
      };
      notification_deliveries: {
        Row: {
          attempt: number;
          channel_id: string | null;
          conversation_id: string | null;
          created_at: string;
          error: string | null;
          error_code: string | null;
          event: string;
          expires_at: string;
          failures: number;
          id: string;
          job_id: string | null;
          leased_by: string | null;
          message_id: string | null;
          process_after: string;
          rule_id: string;
          settled_at: string | null;
          status: string;
          subject: string;
        };
        ComputedFields: never;
        Insert: {
          attempt?: number;
          channel_id?: string | null;
          conversation_id?: string | null;
          created_at?: string;
          error?: string | null;
          error_code?: string | null;
          event: string;
          expires_at?: string;
          failures?: number;
          id?: string;
          job_id?: string | null;
          leased_by?: string | null;
          message_id?: string | null;
          process_after?: string;
          rule_id: string;
          settled_at?: string | null;
          status?: string;
          subject: string;
        };
        Update: {
          attempt?: number;
          channel_id?: string | null;
          conversation_id?: string | null;
          created_at?: string;
          error?: string | null;
          error_code?: string | null;
          event?: string;
          expires_at?: string;
          failures?: number;
          id?: string;
          job_id?: string | null;
          leased_by?: string | null;
          message_id?: string | null;
          process_after?: string;
          rule_id?: string;
          settled_at?: string | null;
          status?: string;
          subject?: string;
        };
        Relationships: [
          {
            foreignKeyName: "notification_deliveries_channel_id_fkey";
            columns: ["channel_id"];
            isOneToOne: false;
            referencedRelation: "communication_channels";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "notification_deliveries_conversation_id_fkey";
            columns: ["conversation_id"];
            isOneToOne: false;
            referencedRelation: "conversations";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "notification_deliveries_job_id_fkey";
            columns: ["job_id"];
            isOneToOne: false;
            referencedRelation: "ai_response_queue";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "notification_deliveries_message_id_fkey";
            columns: ["message_id"];
            isOneToOne: false;
            referencedRelation: "messages";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "notification_deliveries_rule_id_fkey";
            columns: ["rule_id"];
            isOneToOne: false;
            referencedRelation: "notification_rules";
            referencedColumns: ["id"];
          },
        ];
      };
      notification_rules: {
        Row: {
          created_at: string;
          error: string | null;
          error_code: string | null;
          events: string[];
          failed_at: string | null;
          failures: number;
          hours: Json | null;
          id: string;
          is_enabled: boolean;
          kind: string;
          paused_until: string | null;
          reasons: string[] | null;
          target: string;
          wait_minutes: number | null;
        };
        ComputedFields: never;
        Insert: {
          created_at?: string;
          error?: string | null;
          error_code?: string | null;
          events: string[];
          failed_at?: string | null;
          failures?: number;
          hours?: Json | null;
          id?: string;
          is_enabled?: boolean;
          kind: string;
          paused_until?: string | null;
          reasons?: string[] | null;
          target: string;
          wait_minutes?: number | null;
        };
        Update: {
          created_at?: string;
          error?: string | null;
          error_code?: string | null;
          events?: string[];
          failed_at?: string | null;
          failures?: number;
          hours?: Json | null;
          id?: string;
          is_enabled?: boolean;
          kind?: string;
          paused_until?: string | null;
          reasons?: string[] | null;
          target?: string;
          wait_minutes?: number | null;
        };
        Relationships: [];
      };
      profiles: {
        Row: {
          avatar_url: string | null;
          company_name: string | null;
          created_at: string | null;
          email: string | null;
          full_name: string | null;
          id: string;
          language: string | null;
          role: string;
          settings: Json | null;
          timezone: string | null;
          updated_at: string | null;
        };
        ComputedFields: never;
        Insert: {
          avatar_url?: string | null;
          company_name?: string | null;
          created_at?: string | null;
          email?: string | null;
          full_name?: string | null;
          id: string;
          language?: string | null;
          role?: string;
          settings?: Json | null;
          timezone?: string | null;
          updated_at?: string | null;
        };
        Update: {
          avatar_url?: string | null;
          company_name?: string | null;
          created_at?: string | null;
          email?: string | null;
          full_name?: string | null;
          id?: string;
          language?: string | null;
          role?: string;
          settings?: Json | null;
          timezone?: string | null;
          updated_at?: string | null;
        };
        Relationships: [];
      };
      realtime_metrics: {
        Row: {
          dimensions: Json | null;
          expires_at: string | null;
          id: string;
          metric_name: string;
          metric_value: number;
          timestamp: string | null;
        };
        ComputedFields: never;
        Insert: {
          dimensions?: Json | null;
          expires_at?: string | null;
          id?: string;
          metric_name: string;
          metric_value: number;
          timestamp?: string | null;
        };
        Update: {
          dimensions?: Json | null;
          expires_at?: string | null;
          id?: string;
          metric_name?: string;
          metric_value?: number;
          timestamp?: string | null;
        };
        Relationships: [];
      };
      saved_replies: {
        Row: {
          content: string;
          created_at: string;
          id: string;
          language: string | null;
          shortcut: string;
          title: string;
          updated_at: string;
        };
        ComputedFields: never;
        Insert: {
          content: string;
          created_at?: string;
          id?: string;
          language?: string | null;
          shortcut: string;
          title: string;
          updated_at?: string;
        };
        Update: {
          content?: string;
          created_at?: string;
          id?: string;
          language?: string | null;
          shortcut?: string;
          title?: string;
          updated_at?: string;
        };
        Relationships: [];
      };
      staff_invitations: {
        Row: {
          created_at: string;
          email: string;
          expires_at: string;
          id: string;
          invited_by: string | null;
          role: string;
        };
        ComputedFields: never;
        Insert: {
          created_at?: string;
          email: string;
          expires_at?: string;
          id?: string;
          invited_by?: string | null;
          role: string;
        };
        Update: {
          created_at?: string;
          email?: string;
          expires_at?: string;
          id?: string;
          invited_by?: string | null;
          role?: string;
        };
        Relationships: [
          {
            foreignKeyName: "staff_invitations_invited_by_fkey";
            columns: ["invited_by"];
            isOneToOne: false;
            referencedRelation: "profiles";
            referencedColumns: ["id"];
          },
        ];
      };
      webhook_events: {
        Row: {
          attempts: number;
          channel_type: string;
          digest: string;
          error: string | null;
          events: NonNullable<Json>;
          headers: NonNullable<Json>;
          id: string;
          outcomes: NonNullable<Json>;
          payload: string;
          processed_at: string | null;
          received_at: string;
        };
        ComputedFields: never;
        Insert: {
          attempts?: number;
          channel_type: string;
          digest: string;
          error?: string | null;
          events: NonNullable<Json>;
          headers?: NonNullable<Json>;
          id?: string;
          outcomes?: NonNullable<Json>;
          payload: string;
          processed_at?: string | null;
          received_at?: string;
        };
        Update: {
          attempts?: number;
          channel_type?: string;
          digest?: string;
          error?: string | null;
          events?: NonNullable<Json>;
          headers?: NonNullable<Json>;
          id?: string;
          outcomes?: NonNullable<Json>;
          payload?: string;
          processed_at?: string | null;
          received_at?: string;
        };
        Relationships: [];
      };
      widget_settings: {
        Row: {
          color: string;
          id: boolean;
          languages: string[];
          logo_url: string | null;
          shows_team: boolean;
          text_color: string;
          texts: NonNullable<Json>;
          updated_at: string;
        };
        ComputedFields: never;
        Insert: {
          color?: string;
          id?: boolean;
          languages?: string[];
          logo_url?: string | null;
          shows_team?: boolean;
          text_color?: string;
          texts?: NonNullable<Json>;
          updated_at?: string;
        };
        Update: {
          color?: string;
          id?: boolean;
          languages?: string[];
          logo_url?: string | null;
          shows_team?: boolean;
          text_color?: string;
          texts?: NonNullable<Json>;
          updated_at?: string;
        };
        Relationships: [];
      };
    };
    Views: {
      [_ in never]: never;
    };
    Functions: {
      assign_conversation: {
        Args: { agent_id: string; conversation_id: string };
        Returns: undefined;
      };
      bring_conversations: { Args: { token: string }; Returns: number };
      claim_channel_deliveries: {
        Args: { lease_seconds?: number; max_deliveries?: number; worker_id: string };
        Returns: {
          account: string;
          attempt: number;
          channel_id: string;
          channel_type: string;
          configuration: Json;
          content: string;
          conversation_id: string;
          created_at: string;
          delivery_id: string;
          is_typing: boolean;
          kind: string;
          media: Json;
          message_id: string;
          message_type: string;
          metadata: Json;
          parts_sent: number;
          recipient: string;
          reply_to: string;
          send_window: string;
          sender_type: string;
          thread: Json;
        }[];
      };
      claim_notification_deliveries: {
        Args: { lease_seconds?: number; max_deliveries?: number; worker_id: string };
        Returns: {
          attempt: number;
          body: Json;
          delivery_id: string;
          kind: string;
          rule_id: string;
          secret: string;
          target: string;
        }[];
      };
      cleanup_ai_response_queue: { Args: { older_than_days?: number }; Returns: number };
      cleanup_expired_metrics: { Args: Record<PropertyKey, never>; Returns: number };
      cleanup_realtime_metrics: { Args: { older_than_days?: number }; Returns: number };
      complete_ai_response_job: {
        Args: {
          ai_response: string;
          confidence?: number;
          confidence_score?: number;
          intent_detected?: string;
          job_id: string;
          knowledge_sources?: Json;
          processing_time_ms?: number;
          requires_human?: boolean;
          response_time_ms?: number;
          sentiment_detected?: string;
        };
        Returns: boolean;
      };
      complete_ai_response_jobs: {
        Args: { results: Json };
        Returns: {
          job_id: string;
          message_id: string;
          outcome: string;
          settled: boolean;
        }[];
      };
      continue_channel_webhook: {
        Args: { from_event: number; max_events: number; webhook_id: string };
        Returns: Json;
      };
      count_conversations: { Args: { views: Json }; Returns: Json };
      create_conversation: {
        Args: { channel_type: string; customer_identifier: string; initial_message?: string };
        Returns: string;
      };
      describe_settings: {
        Args: Record<PropertyKey, never>;
        Returns: {
          default_value: Json;
          name: string;
          rules: string[];
          type: string;
          value: Json;
        }[];
      };
      erase_customer: { Args: { customer_id: string }; Returns: Json };
      explain_ai_response: { Args: { message_id: string }; Returns: Json };
      export_customer: { Args: { customer_id: string }; Returns: Json };
      extend_ai_response_leases: {
        Args: { jobs: Json; lease_seconds?: number; worker_id: string };
        Returns: {
          is_held: boolean;
          job_id: string;
        }[];
      };
      fail_ai_response_job: { Args: { error_message: string; job_id: string }; Returns: boolean };
      find_account: { Args: { email: string }; Returns: Json };
      find_customers: { Args: { id: string }; Returns: Json };
      find_knowledge_part: {
        Args: { embedding_model: string; item_id: string; query_embedding: string };
        Returns: number;
      };
      get_abandoned_attachments: { Args: { max_files?: number }; Returns: string[] };
      get_ai_response_trace: {
        Args: { job_id: string };
        Returns: {
          ai_confidence: number;
          ai_response: string;
          attempt: number;
          budget_ms: number;
          conversation_context: Json;
          conversation_id: string;
          customer_profile: Json;
          message_id: string;
          outcome: string;
          reason: string;
          response_time_ms: number;
          settings: Json;
          status: string;
          traces: Json;
          turn_id: string;
          turn_started_at: string;
          user_message: string;
        }[];
      };
      get_channel_credentials: {
        Args: { channel_type: string };
        Returns: {
          account: string;
          channel_id: string;
          name: string;
          value: string;
        }[];
      };
      get_conversation_performance_metrics: {
        Args: { conversation_id: string };
        Returns: {
          ai_confidence_avg: number;
          ai_messages: number;
          avg_response_time_ms: number;
          conversation_duration_minutes: number;
          escalation_count: number;
          human_messages: number;
          satisfaction_rating: number;
          total_messages: number;
        }[];
      };
      get_conversation_with_messages: {
        Args: { conversation_id: string; message_limit?: number };
        Returns: {
          conversation_data: Json;
          messages_data: Json;
        }[];
      };
      get_identity_secrets: { Args: Record<PropertyKey, never>; Returns: Json };
      get_knowledge_to_embed: {
        Args: { max_items?: number; model: string };
        Returns: {
          content: string;
          hash: string;
          item_id: string;
          title: string;
        }[];
      };
      get_messaging_slo: {
        Args: { window_minutes?: number };
        Returns: {
          channel_type: string;
          delivered: number;
          escalations: Json;
          oldest_waiting_ms: number;
          p50_ms: number;
          p95_ms: number;
          p99_ms: number;
          queue_depth: number;
          resolved_by_ai: number;
          set_aside: number;
          turns: number;
          within_6s: number;
        }[];
      };
      get_next_ai_response_job: {
        Args: {
          lease_seconds?: number;
          max_jobs?: number;
          wait_seconds?: number;
          worker_id?: string;
        };
        Returns: {
          attempt: number;
          budget_ms: number;
          conversation_context: Json;
          conversation_id: string;
          customer_profile: Json;
          deadline: string;
          job_id: string;
          message_id: string;
          priority: number;
          settings: Json;
          turn_id: string;
          user_message: string;
        }[];
      };
      get_notification_secret: { Args: { rule_id: string }; Returns: string };
      get_realtime_messaging_metrics: {
        Args: { time_window_minutes?: number };
        Returns: {
          avg_value: number;
          count: number;
          max_value: number;
          metric_name: string;
          metric_value: number;
          min_value: number;
          timestamp_range: unknown;
        }[];
      };
      get_romashka_grants: { Args: Record<PropertyKey, never>; Returns: Json };
      get_romashka_guards: { Args: Record<PropertyKey, never>; Returns: Json };
      get_romashka_installation: { Args: Record<PropertyKey, never>; Returns: Json };
      get_service_level: {
        Args: { bucket?: string; ends_at?: string; starts_at: string; timezone?: string };
        Returns: Json;
      };
      get_service_level_conversations: {
        Args: {
          after?: Json;
          ends_at: string;
          filters?: Json;
          max_results?: number;
          starts_at: string;
        };
        Returns: Json;
      };
      get_staff: { Args: Record<PropertyKey, never>; Returns: Json };
      get_widget_settings: { Args: Record<PropertyKey, never>; Returns: Json };
      identify_customer: {
        Args: { expires_at?: number; hmac: string; id: string };
        Returns: string;
      };
      import_knowledge: {
        Args: { sections: Json; source: string };
        Returns: {
          added: number;
          changed: number;
          removed: number;
          unchanged: number;
        }[];
      };
      ingest_channel_message: { Args: { channel_type: string; message: Json }; Returns: Json };
      invite_staff: { Args: { email: string; role?: string }; Returns: Json };
      leave_address: { Args: { conversation_id: string; email: string }; Returns: boolean };
      mark_conversation_read: {
        Args: { conversation_id: string; up_to_position?: number };
        Returns: undefined;
      };
      offer_conversations: { Args: Record<PropertyKey, never>; Returns: string };
      prune: { Args: { max_rows?: number }; Returns: number };
      rate_conversation: { Args: { conversation_id: string; rating: number }; Returns: undefined };
      receive_channel_webhook: {
        Args: {
          channel_type: string;
          events: Json;
          headers?: Json;
          max_events?: number;
          payload: string;
        };
        Returns: Json;
      };
      record_ai_response_traces: { Args: { traces: Json }; Returns: number };
      record_delivery_status: {
        Args: {
          account: string;
          channel_type: string;
          error?: Json;
          external_id: string;
          status: string;
        };
        Returns: Json;
      };
      replay_channel_webhook: { Args: { webhook_id: string }; Returns: Json };
      resolve_conversation: { Args: { conversation_id: string }; Returns: undefined };
      return_conversation_to_ai: { Args: { conversation_id: string }; Returns: undefined };
      revoke_identity_secret: { Args: { secret_id: string }; Returns: number };
      rotate_identity_secret: { Args: { overlap_hours?: number }; Returns: string };
      save_draft: {
        Args: { content: string; conversation_id: string; mode?: string; revision?: number };
        Returns: number;
      };
      search_conversations: {
        Args: { after?: Json; max_results?: number; query: string };
        Returns: Json;
      };
      search_knowledge: {
        Args: {
          embedding_model?: string;
          language?: string;
          max_results?: number;
          query: string;
          query_embedding?: string;
        };
        Returns: {
          content: string;
          id: string;
          keyword_score: number;
          language: string;
          score: number;
          similarity: number;
          source_url: string;
          title: string;
        }[];
      };
      set_channel_secret: {
        Args: { channel_id: string; name: string; value: string };
        Returns: undefined;
      };
      set_staff_role: { Args: { role: string; user_id: string }; Returns: undefined };
      settle_channel_deliveries: {
        Args: { results: Json };
        Returns: {
          delivery_id: string;
          settled: boolean;
          status: string;
        }[];
      };
      settle_notification_deliveries: {
        Args: { results: Json };
        Returns: {
          delivery_id: string;
          settled: boolean;
        }[];
      };
      settle_overdue_ai_response_jobs: { Args: Record<PropertyKey, never>; Returns: number };
      sign_out_customer: { Args: Record<PropertyKey, never>; Returns: undefined };
      store_knowledge_embeddings: { Args: { embeddings: Json; model: string }; Returns: number };
      tag_conversation: {
        Args: { add?: string[]; conversation_id: string; remove?: string[] };
        Returns: string[];
      };
      take_over_conversation: { Args: { conversation_id: string }; Returns: undefined };
      test_notification_rule: { Args: { rule_id: string }; Returns: string };
      turn: {
        Args: {
          conversation: Omit<
            Database["public"]["Tables"]["conversations"]["Row"],
            Database["public"]["Tables"]["conversations"]["ComputedFields"]
          >;
        };
        Returns: Json;
      };
    };
    Enums: {
      [_ in never]: never;
    };
    CompositeTypes: {
      [_ in never]: never;
    };
  };
};
