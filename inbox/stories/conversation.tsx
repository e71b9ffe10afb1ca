/** Messages of all kinds, the AI at work, the composer, and the customer. */
import {
  type Attachment,
  type Message as Row,
  type MessageDraft,
  NotSignedIn,
  type SavedReply,
  TooLarge,
  Unreachable,
} from "romashka";
import { useEffect, useState } from "react";

import { ACTIONS } from "../src/actions/registry";
import { draftKey, followDrafts, writeDraft } from "../src/drafts";
import { choose, type Shelf } from "../src/files";
import { Skeleton } from "../src/parts/Skeleton";
import { Composer } from "../src/scenes/inbox/Composer";
import { Others } from "../src/scenes/inbox/Conversation";
import { Customer } from "../src/scenes/inbox/Customer";
import CustomerForm from "../src/scenes/inbox/CustomerForm";
import { Draft, Stopped } from "../src/scenes/inbox/Draft";
import { Header } from "../src/scenes/inbox/Header";
import { Message, Sending } from "../src/scenes/inbox/Message";
import { Line } from "../src/scenes/inbox/Messages";
import { NoteCard } from "../src/scenes/inbox/NoteCard";
import type { Profile } from "../src/scenes/inbox/useProfile";
import { Explained } from "../src/scenes/inbox/Why";
import why from "../src/scenes/inbox/Why.module.css";
import { type Slash, SlashList } from "../src/scenes/inbox/Slash";
import { useStrings } from "../src/strings";
import { message, NOW, outgoing, row, TEAM } from "./fixtures";
import type { Story } from "./story";

const ai = {
  sender_type: "ai",
  confidence_score: 0.87,
  knowledge_sources: ["a", "b"],
} satisfies Partial<Row>;
const agent = { sender_type: "agent", sender_id: "ada" } as const;
const offered = {
  choices: [
    { label: "How do I return an item?", item_id: "a" },
    { label: "When is my refund paid?", item_id: "b" },
    { label: "None of these", item_id: null },
  ],
};
const path = "c1000000-0000-4000-8000-000000000000";

const MESSAGES = [
  message(),
  message({
    content: "It was the blue kettle. See https://example.com/orders/4711 (the second one).",
  }),
  message({
    ...ai,
    content: "Your parcel left our warehouse on Monday; it should arrive on Thursday.",
    status: "delivered",
  }),
  message({
    ...ai,
    content:
      "Which of these do you mean?\n\n1. How do I return an item?\n2. When is my refund paid?\n3. None of these",
    metadata: offered,
  }),
  message({
    content: "When is my refund paid?",
    metadata: { choice: { message_id: "m1", number: 2 } },
  }),
  message({
    content: "How do I return an item?",
    metadata: { choice: { message_id: "m1", number: 1, is_late: true } },
  }),
  message({
    ...ai,
    content: "Refunds are paid within five days.",
    metadata: { while_waiting: true },
  }),
  message({
    ...ai,
    content: "I am handing this over to a colleague, who will answer you here.",
    metadata: { kind: "handover" },
  }),
  message({ ...agent, content: "Hello Marta, Ada here. I am looking into it.", status: "read" }),
  message({
    ...agent,
    sender_id: "bo",
    content: "The carrier says: tomorrow before noon.",
    delivery_status: "failed",
  }),
  message({ content: "شكرًا جزيلًا، متى سيصل الطلب؟" }),
  message({
    conversation_id: path,
    content: "This is how it looks.",
    media_url: `${path}/${path}.png`,
    metadata: { attachment: { name: "kettle.png", content_type: "image/png", size: 20_480 } },
  }),
  message({ content: "x".repeat(180) + "\n\nand <b>no markup</b>" }),
];

function Messages() {
  return (
    <>
      <Line text="Today" />
      {MESSAGES.slice(0, 2).map((each, at) => (
        <Message
          key={each.id}
          message={each}
          isFirst={at === 0}
          customer="Marta Lindqvist"
          team={TEAM}
        />
      ))}
      <Line text="New" isAlert />
      {MESSAGES.slice(2).map((each) => (
        <Message
          key={each.id}
          message={each}
          isFirst
          customer="Marta Lindqvist"
          team={TEAM}
          onWhy={() => {}}
        />
      ))}
    </>
  );
}

function AtWork() {
  const text = "It is on its way with PostNord. The tracking number is in the mail that you got";
  return (
    <>
      <Draft draft={{ turnId: "t", draftId: "d", text }} onStop={() => {}} />
      <Stopped stop={{ phase: "stopping", turnId: "t", text }} onUse={() => {}} />
      <Stopped stop={{ phase: "won", turnId: "t", text }} onUse={() => {}} />
      <Message
        message={message({ ...ai, content: `${text} on Monday.` })}
        isFirst
        customer="Marta"
        team={TEAM}
        isLost
      />
    </>
  );
}

function Outbox() {
  const ways = { me: "Ada Lindgren", onRetry: () => {}, onEdit: () => {}, onDiscard: () => {} };
  const failed = (error: Error) => outgoing({ state: "failed", error });
  return (
    <>
      <Sending {...ways} isQueued={false} outgoing={outgoing()} />
      <Sending {...ways} isQueued outgoing={failed(new Unreachable("no"))} />
      <Sending {...ways} isQueued={false} outgoing={failed(new NotSignedIn("no"))} />
    </>
  );
}

function Writing(props: { id?: string; text?: string; hint?: "takesOver" | "offline" }) {
  const { composer } = useStrings();
  const { text, hint, id = `story-${text?.length ?? 0}-${hint ?? ""}` } = props;
  if (text) writeDraft(draftKey(id, "reply"), text);
  return (
    <Composer
      conversationId={id}
      customer="Marta Lindqvist"
      hint={hint ? composer[hint] : null}
      answeredSince={() => null}
      newest={1}
      onSend={() => {}}
      onNote={async () => true}
      filling={{ values: { customer: { name: "Marta Lindqvist" } }, language: "en" }}
      onSavedReplies={() => {}}
      onTyping={() => {}}
    />
  );
}

/** Files on their way, stored and refused, above the bar. */
function WithFiles() {
  useState(() => {
    const waiting = new Promise<never>(() => {});
    const upload = (result: Promise<Attachment>): Shelf => ({ upload: () => result });
    const stored = { path, name: "kettle.png", content_type: "image/png", size: 20_480 };
    const file = (name: string) => [new File(["x".repeat(20_480)], name, { type: "image/png" })];
    choose(upload(Promise.resolve(stored)), "story-files", file("kettle.png"));
    choose(
      upload(waiting),
      "story-files",
      file("a rather long name of a file that is on its way.pdf"),
    );
    choose(upload(Promise.reject(new TooLarge("no", "413"))), "story-files", file("film.mp4"));
  });
  return <Writing id="story-files" />;
}

/** Another device wrote something else. */
function Elsewhere() {
  const key = draftKey("story-elsewhere", "reply");
  useEffect(() => {
    const draft = {
      conversation_id: "story-elsewhere",
      mode: "reply",
      content: "Dear Marta, it was delivered this morning.",
      revision: 7,
      updated_at: new Date(NOW).toISOString(),
    } as MessageDraft;
    writeDraft(key, "Dear Marta, I am looking into it.");
    const shown = { drafts: [draft], state: "live", error: null } as const;
    return followDrafts({
      mine: { getSnapshot: () => shown, subscribe: () => () => {} },
      list: async () => [draft],
      save: async () => 0,
    });
  }, [key]);
  return <Writing id="story-elsewhere" />;
}

const SAVED = [
  [
    "refund",
    "When is a refund paid?",
    "Refunds are paid within five days, {{customer.name}}.",
    null,
  ],
  ["hours", "Öffnungszeiten", "Wir sind von 9 bis 17 Uhr für Sie da.", "de"],
].map(
  ([shortcut, title, content, language], at) =>
    ({ id: `r${at}`, shortcut, title, content, language }) as SavedReply,
);

function Found() {
  const nothing = () => {};
  const slash: Slash = {
    found: SAVED,
    isOpen: true,
    isLoading: false,
    at: 0,
    list: "story-list",
    look: nothing,
    setAt: nothing,
    choose: nothing,
    onKeyDown: () => false,
    begin: nothing,
    close: nothing,
  };
  return (
    <div style={{ blockSize: "100%", position: "relative" }}>
      <div style={{ insetBlockEnd: 0, insetInline: 0, position: "absolute" }}>
        <SlashList slash={slash} onManage={nothing} />
      </div>
    </div>
  );
}

const known = row({ tags: ["order", "delivery", "a rather long tag"], satisfaction_rating: 4 });

const PROFILE: Profile = {
  id: "p1",
  name: "Marta Lindqvist",
  email: "marta@example.com",
  phone: "+46 70 123 45 67",
  company: "Lindqvist & Daughters",
  location: "Göteborg",
  language: "sv",
  notes: "Calls before she writes.",
  custom_fields: { "Customer number": "4711", orders: 12 },
  verified_id: "user-4711",
  first_interaction: "2026-03-01T09:00:00Z",
};

function Head({ of }: { of: ReturnType<typeof row> }) {
  const actions = ACTIONS.filter(({ id }) => ["takeOver", "resolve"].includes(id));
  const nothing = () => {};
  return (
    <Header
      row={of}
      me="ada"
      team={TEAM}
      actions={actions}
      run={nothing}
      showsCustomer={false}
      onBack={nothing}
      onAssign={nothing}
      onPriority={nothing}
      onCustomer={nothing}
    />
  );
}

export const CONVERSATION: Story[] = [
  { name: "messages", show: Messages },
  { name: "ai-at-work", show: AtWork },
  { name: "outgoing", show: Outbox },
  {
    name: "why",
    width: 540,
    show: () => (
      <div className={why["why"]}>
        <Explained
          explanation={{
            message_id: "m",
            conversation_id: "c",
            turn_id: "t",
            kind: "reply",
            reason: null,
            confidence: 0.87,
            intent: "order_status",
            language: "en",
            model: "gemma-3",
            tokens_used: 512,
            answer_ms: 1_840,
            sources: [
              {
                id: "a",
                title: "Where is my parcel?",
                status: "published",
                score: 0.91,
                is_cited: true,
              },
              {
                id: "b",
                title: "How long does shipping take, and what does it cost?",
                status: "published",
                score: 0.64,
                is_cited: false,
              },
              { id: "c", title: null, status: null, score: 0.4, is_cited: false },
            ],
            attempts: [
              {
                attempt: 1,
                action: "reply",
                probabilities: { order_status: 0.93, wants_human: 0.04 },
                milliseconds: { search: 42, analysis: 610, reply: 1_120 },
              },
            ],
          }}
        />
      </div>
    ),
  },
  {
    name: "note",
    show: () => (
      <NoteCard
        note={{
          id: "n",
          conversation_id: "c1",
          author_id: "bo",
          content: "She has called, too.\nhttps://example.com/4711",
          created_at: new Date(NOW).toISOString(),
        }}
        author="Bo Berg"
        onRemove={() => {}}
      />
    ),
  },
  { name: "composer", show: () => <Writing hint="takesOver" /> },
  {
    name: "composer-written",
    show: () => <Writing text={"Two lines,\nof a reply that is being written."} hint="offline" />,
  },
  { name: "composer-files", show: WithFiles },
  { name: "composer-elsewhere", show: Elsewhere },
  { name: "saved-replies-found", height: 260, show: Found },
  {
    name: "others",
    show: () => (
      <>
        <Others customer="Marta Lindqvist" isHere writing="Bo Berg" />
        <Others customer={null} isHere writing={undefined} />
      </>
    ),
  },
  { name: "header", show: () => <Head of={known} /> },
  {
    name: "header-waiting",
    show: () => (
      <Head
        of={row({
          name: "Yuki Tanaka",
          requires_human: true,
          waiting_since: new Date(NOW - 840_000).toISOString(),
        })}
      />
    ),
  },
  {
    name: "customer",
    width: 288,
    show: () => (
      <Customer
        row={known}
        known={{ profile: PROFILE, save: async () => {} }}
        messages={[MESSAGES[3]!, MESSAGES[4]!]}
        earlier={[row({ last_message: "Can I return the blue kettle?" })]}
        hrefOf={() => "#"}
        onTags={() => {}}
        onClose={() => {}}
      />
    ),
  },
  {
    name: "customer-form",
    width: 288,
    show: () => <CustomerForm profile={PROFILE} onSave={async () => {}} onDone={() => {}} />,
  },
  {
    name: "customer-unknown",
    width: 288,
    show: () => (
      <Customer
        row={row({ customer_profiles: null, user_email: "someone@example.com" })}
        known={{ profile: null, save: async () => {} }}
        messages={[]}
        earlier={[]}
        hrefOf={() => "#"}
        onTags={() => {}}
        onClose={() => {}}
      />
    ),
  },
  { name: "loading-messages", height: 300, show: () => <Skeleton kind="messages" /> },
];
