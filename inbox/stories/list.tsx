/** Views, their head, rows, and the connection. */
import { parse } from "../src/address/address";
import { draftKey, writeDraft } from "../src/drafts";
import { Notice } from "../src/parts/Notice";
import { Skeleton } from "../src/parts/Skeleton";
import { Bulk } from "../src/scenes/inbox/Bulk";
import { Connected } from "../src/scenes/inbox/ConnectionLine";
import { List } from "../src/scenes/inbox/List";
import { ListHead } from "../src/scenes/inbox/ListHead";
import { Row } from "../src/scenes/inbox/Row";
import { Views } from "../src/scenes/inbox/Views";
import { useStrings } from "../src/strings";
import { NOW, row, TEAM } from "./fixtures";
import type { Story } from "./story";

const minutes = (count: number) => new Date(NOW - count * 60_000).toISOString();

const ROWS = {
  read: row(),
  unread: row({ name: "Jonas Weber", message_count: 6 }),
  many: row({ name: "Priya Nair", message_count: 260, channel_type: "email" }),
  waiting: row({
    name: "Yuki Tanaka",
    requires_human: true,
    waiting_since: minutes(14),
    message_count: 5,
  }),
  answering: row({
    name: "Jun Park",
    turn: {
      job_id: "j",
      turn_id: "t",
      status: "processing",
      started_at: minutes(0),
      process_after: minutes(0),
      deadline: minutes(-1_000_000),
      outcome: null,
      ended_at: null,
    },
  }),
  human: row({
    name: "Emma Dubois",
    requires_human: true,
    assigned_agent_id: "ada",
    channel_type: "whatsapp",
  }),
  assigned: row({ name: "Noah Stein", assigned_agent_id: "bo", channel_type: "instagram" }),
  urgent: row({ name: "Chidi Okafor", priority: "urgent", message_count: 5 }),
  resolved: row({ name: "Tomás Ortega", status: "resolved", last_message: "Gracias!" }),
  long: row({
    name: "Wolfeschlegelsteinhausenbergerdorff-Maximilianopolskowitsch the Third",
    last_message:
      "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft ".repeat(3),
    requires_human: true,
    waiting_since: minutes(1_500),
    priority: "high",
    message_count: 120,
  }),
  arabic: row({ name: "ليلى حداد", last_message: "أين طلبي؟ لم يصل بعد.", message_count: 5 }),
  empty: row({ name: "", last_message: null, customer_profiles: null }),
};

writeDraft(draftKey(ROWS.assigned.id, "reply"), "I will look");

function Rows() {
  return (
    <ul aria-label="Rows">
      {Object.entries(ROWS).map(([name, each]) => (
        <li key={name}>
          <Row row={each} href="#" isOpen={name === "human"} isCurrent team={TEAM} now={NOW} />
        </li>
      ))}
    </ul>
  );
}

function Connections() {
  const states = ["live", "connecting", "catching up", "again", "offline", "refused"] as const;
  return states.map((state) => (
    <Connected key={state} state={state} since={NOW} onRetry={() => {}} />
  ));
}

function Empty() {
  const { empty } = useStrings();
  return Object.entries(empty).map(([key, [title, text]]) => (
    <Notice key={key} title={title} text={text} />
  ));
}

export const LIST: Story[] = [
  { name: "rows", width: 344, show: Rows },
  {
    name: "list",
    width: 344,
    height: 420,
    show: () => (
      <List
        rows={Object.values(ROWS)}
        hasMore={false}
        loadMore={() => {}}
        hrefOf={() => "#"}
        openId={ROWS.read.id}
        team={TEAM}
      />
    ),
  },
  {
    name: "list-picked",
    width: 344,
    height: 420,
    show: () => (
      <div style={{ blockSize: "100%", display: "flex", position: "relative" }}>
        <List
          rows={Object.values(ROWS)}
          hasMore={false}
          loadMore={() => {}}
          hrefOf={() => "#"}
          openId={null}
          team={TEAM}
          looking={new Map([[ROWS.unread.id, "Bo Berg"]])}
          picking={{
            picked: new Map([ROWS.unread, ROWS.waiting].map((each) => [each.id, each])),
            toggle: () => {},
            clear: () => {},
          }}
        />
        <Bulk
          count={2}
          me="ada"
          team={TEAM}
          onAssign={() => {}}
          onTag={() => {}}
          onResolve={() => {}}
          onClear={() => {}}
        />
      </div>
    ),
  },
  { name: "list-head", width: 344, show: () => <ListHead address={parse("#/waiting")} /> },
  {
    name: "list-head-narrowed",
    width: 344,
    show: () => <ListHead address={parse("#/all?q=refund&channel=email")} />,
  },
  {
    name: "views",
    show: () => (
      <Views
        address={parse("#/mine")}
        counts={{ waiting: 3, mine: 12, unassigned: 1_204, ai: 8 }}
      />
    ),
  },
  { name: "connection", width: 344, show: Connections },
  { name: "empty", width: 344, show: Empty },
  { name: "loading", width: 344, height: 300, show: () => <Skeleton kind="rows" /> },
];
