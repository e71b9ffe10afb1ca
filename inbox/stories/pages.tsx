/** The door and what stands before it, dialogs, and what passes. */
import { createClient } from "@supabase/supabase-js";
import { ShieldX } from "lucide-react";

import { Palette } from "../src/actions/Palette";
import { ACTIONS } from "../src/actions/registry";
import { Sheet } from "../src/actions/Sheet";
import type { Problem } from "../src/config/config";
import { Avatar } from "../src/parts/Avatar";
import { Button } from "../src/parts/Button";
import { Notice } from "../src/parts/Notice";
import { Toast } from "../src/parts/Toast";
import { Account } from "../src/scenes/inbox/Account";
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
    show: () => <Account me={me} onSheet={() => {}} onLeave={() => {}} />,
  },
  { name: "toast", height: 80, show: Toasted },
  {
    name: "palette",
    isAlone: true,
    show: () => <Palette actions={ACTIONS} run={() => {}} onClose={() => {}} />,
  },
  { name: "sheet", isAlone: true, show: () => <Sheet actions={ACTIONS} onClose={() => {}} /> },
];
