/** Whom the open conversation is with, who has the word, and what can be done with it. */
import { ArrowLeft, PanelRight } from "lucide-react";
import type { ConversationRow, Priority } from "romashka";

import { PRIORITIES } from "../../address/address";
import type { Action } from "../../actions/action";
import { Avatar } from "../../parts/Avatar";
import { Button } from "../../parts/Button";
import { nameOf, type Team } from "../../people";
import { useStrings } from "../../strings";
import { useNow } from "../../time";
import css from "./Header.module.css";
import { Answering, Channel, Looking } from "./Row";

interface Props {
  row: ConversationRow;
  me: string;
  team: Team;
  /** Who else of the team looks at it. */
  looking?: string | undefined;
  /** What is offered as buttons. */
  actions: readonly Action[];
  run: (action: Action) => void;
  onBack: () => void;
  onAssign: (id: string | null) => void;
  onPriority: (priority: Priority) => void;
  showsCustomer: boolean;
  onCustomer: () => void;
}

export function Header({
  row,
  me,
  team,
  looking,
  actions,
  run,
  onBack,
  onAssign,
  onPriority,
  showsCustomer,
  onCustomer,
}: Props) {
  const strings = useStrings();
  const now = useNow();
  const name = nameOf(row, strings);
  const others = [...team.values()].filter(({ id }) => id !== me);
  return (
    <header className={css["header"]}>
      <Button
        look="icon"
        className={css["back"]!}
        aria-label={strings.conversation.back}
        onClick={onBack}
      >
        <ArrowLeft size={18} />
      </Button>
      <Avatar name={name} />
      <div className={css["who"]}>
        <h1>
          <bdi>{name}</bdi>
        </h1>
        <p>
          <Channel type={row.channel_type} />
          <Answering row={row} team={team} now={now} />
          {looking && <Looking names={looking} />}
        </p>
      </div>
      <div className={css["ways"]}>
        <select
          id="assign"
          aria-label={strings.team.assignee}
          title={strings.team.assignee}
          value={row.assigned_agent_id ?? ""}
          onChange={(event) => onAssign(event.target.value || null)}
        >
          <option value="">{strings.who.nobody}</option>
          <option value={me}>{`${team.get(me)?.name ?? ""} (${strings.you})`}</option>
          {others.map(({ id, name: other }) => (
            <option key={id} value={id}>
              {other}
            </option>
          ))}
        </select>
        <select
          id="priority"
          aria-label={strings.team.priority}
          title={strings.team.priority}
          value={row.priority}
          onChange={(event) => onPriority(event.target.value as Priority)}
        >
          {PRIORITIES.map((priority) => (
            <option key={priority} value={priority}>
              {strings.priorities[priority]}
            </option>
          ))}
        </select>
        {actions.map((action) => (
          <Button
            key={action.id}
            look={action.id === "takeOver" ? "main" : "plain"}
            title={action.label(strings)}
            aria-keyshortcuts={action.key}
            onClick={() => run(action)}
          >
            <action.icon size={16} aria-hidden="true" />
            <span className={css["label"]}>{(action.short ?? action.label)(strings)}</span>
          </Button>
        ))}
        <Button
          look="icon"
          aria-pressed={showsCustomer}
          aria-label={strings.actions.customer}
          title={strings.actions.customer}
          onClick={onCustomer}
        >
          <PanelRight size={18} />
        </Button>
      </div>
    </header>
  );
}
