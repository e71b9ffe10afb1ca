/** The door and what stands before it, dialogs, and what passes. */
import { createClient } from "@supabase/supabase-js";
import { ShieldX } from "lucide-react";
import type { BusinessHours } from "romashka";

import { Palette } from "../src/actions/Palette";
import { ACTIONS } from "../src/actions/registry";
import { Sheet } from "../src/actions/Sheet";
import type { Problem } from "../src/config/config";
import { Avatar } from "../src/parts/Avatar";
import { Button } from "../src/parts/Button";
import { Dialog } from "../src/parts/Dialog";
import { Notice } from "../src/parts/Notice";
import { Toast } from "../src/parts/Toast";
import { Account } from "../src/scenes/inbox/Account";
import { Editor as HoursEditor } from "../src/scenes/settings/HoursForm";
import settings from "../src/scenes/settings/Settings.module.css";
import { Lines as SnippetLines } from "../src/scenes/settings/Snippet";
import { Editor as WidgetEditor } from "../src/scenes/settings/WidgetForm";
import SavedReplies from "../src/scenes/replies/SavedReplies";
import { ConfigProblem } from "../src/scenes/problem/ConfigProblem";
import { SignIn } from "../src/scenes/signIn/SignIn";
import { useStrings } from "../src/strings";
import { showToast } from "../src/toasts";
import type { Story } from "./story";

const nowhere = createClient("http://localhost:9", "key", { auth: { persistSession: false } });
const problems: Problem[] = ["missing", "noUrl", "secretKey"];

function Refused() {
  const { refused } = useStrings();
  return (
    <Notice
      title={refused.title}
      text={refused.text("cy@example.com")}
      icon={<ShieldX size={40} />}
      isAlert
    >
      <Button>{refused.other}</Button>
    </Notice>
  );
}

function Toasted() {
  const { done } = useStrings();
  showToast({ text: done.resolve, undo: () => {} });
  return <Toast />;
}

function Buttons() {
  return (
    <p>
      <Button look="main">Main</Button> <Button>Plain</Button> <Button look="alert">Alert</Button>{" "}
      <Button look="main" disabled>
        Disabled
      </Button>{" "}
      <Avatar name="Ada Lindgren" /> <Avatar name="bo@example.com" size="s" />{" "}
      <Avatar name="ليلى" size="l" />
    </p>
  );
}

const HOURS = {
  hours: {
    timezone: "Europe/Berlin",
    closed: ["2026-12-25"],
    spans: [
      { days: [1, 2, 3, 4, 5], from: "09:00", to: "18:00" },
      { days: [6], from: "10:00", to: "14:00" },
    ],
  },
  away_texts: { en: "We are back {when}." },
} as unknown as BusinessHours;
const LOOKS = {
  texts: { en: { title: "Ask us", greeting: "Hello!" } },
  color: "#1c6848",
  text_color: "#ffffff",
  logo_url: null,
  languages: [],
  shows_team: true,
};

const me = { id: "ada", name: "Ada Lindgren", email: "ada@example.com", role: "agent" } as const;

export const PAGES: Story[] = [
  {
    name: "sign-in",
    show: () => (
      <SignIn supabase={nowhere} ways={{ hasEmail: true, providers: ["google", "azure"] }} />
    ),
  },
  {
    name: "sign-in-again",
    show: () => (
      <SignIn
        supabase={nowhere}
        ways={{ hasEmail: true, providers: [] }}
        isAgain
        email="ada@example.com"
      />
    ),
  },
  { name: "refused", show: Refused },
  ...problems.map((problem) => ({
    name: `config-${problem}`,
    show: () => <ConfigProblem problem={problem} />,
  })),
  { name: "buttons", show: Buttons },
  {
    name: "account",
    height: 80,
    show: () => <Account me={me} onSettings={() => {}} onSheet={() => {}} onLeave={() => {}} />,
  },
  { name: "toast", height: 80, show: Toasted },
  {
    name: "palette",
    isAlone: true,
    show: () => <Palette actions={ACTIONS} run={() => {}} onClose={() => {}} />,
  },
  {
    name: "settings-hours",
    isAlone: true,
    show: () => (
      <Dialog title="Business hours" onClose={() => {}}>
        <HoursEditor known={HOURS} channel={null} mayChange onDone={async () => {}} />
      </Dialog>
    ),
  },
  {
    name: "settings-widget",
    isAlone: true,
    show: () => (
      <Dialog title="Widget" onClose={() => {}}>
        <div className={settings["panel"]}>
          <WidgetEditor known={LOOKS} mayChange />
          <SnippetLines
            of={{ url: "https://example.supabase.co", anonKey: "sb_publishable_example" }}
          />
        </div>
      </Dialog>
    ),
  },
  {
    name: "saved-replies",
    isAlone: true,
    show: () => <SavedReplies onClose={() => {}} />,
  },
  { name: "sheet", isAlone: true, show: () => <Sheet actions={ACTIONS} onClose={() => {}} /> },
];
