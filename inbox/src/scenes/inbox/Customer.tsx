/** The customer, as far as the team knows them. */
import { Pencil, X } from "lucide-react";
import { choiceOf, choicesOf, type ConversationRow, type Message } from "romashka";
import { type FormEvent, lazy, type ReactNode, Suspense, useState } from "react";

import { languageName } from "../../languages";
import { Avatar } from "../../parts/Avatar";
import { Button } from "../../parts/Button";
import { nameOf } from "../../people";
import { useSpoken } from "../../strings";
import { ago, date, useNow } from "../../time";
import css from "./Customer.module.css";
import type { KnownProfile } from "./useProfile";

const CustomerForm = lazy(() => import("./CustomerForm"));

interface Props {
  row: ConversationRow;
  known: KnownProfile;
  earlier: readonly ConversationRow[] | null;
  /** What was said, as far as it is loaded. */
  messages: readonly Message[];
  hrefOf: (id: string) => string;
  onTags: (add: string[], remove: string[]) => void;
  onClose: () => void;
}

export function Customer(props: Props) {
  const { row, known, earlier, messages, hrefOf, onTags, onClose } = props;
  const { strings } = useSpoken();
  const { customer: words } = strings;
  const { profile, save } = known;
  const [isEdited, setEdited] = useState(false);
  const name = profile?.name || nameOf(row, strings);
  return (
    <aside className={css["customer"]} aria-label={words.label}>
      <div className={css["tools"]}>
        {profile && !isEdited && (
          <Button
            look="icon"
            aria-label={words.edit}
            title={words.edit}
            onClick={() => setEdited(true)}
          >
            <Pencil size={16} />
          </Button>
        )}
        <Button look="icon" aria-label={strings.close} onClick={onClose}>
          <X size={18} />
        </Button>
      </div>
      <div className={css["who"]}>
        <Avatar name={name} size="l" />
        <h2 dir="auto">{name}</h2>
      </div>
      {isEdited && profile ? (
        <Suspense>
          <CustomerForm profile={profile} onSave={save} onDone={() => setEdited(false)} />
        </Suspense>
      ) : (
        <>
          <Facts row={row} profile={profile} earlier={earlier} />
          <Tags tags={row.tags ?? []} onChange={onTags} />
          <Asked messages={messages} />
          <Earlier rows={earlier} hrefOf={hrefOf} />
        </>
      )}
    </aside>
  );
}

function Facts({
  row,
  profile,
  earlier,
}: Pick<Props, "row" | "earlier"> & Pick<KnownProfile, "profile">) {
  const { strings, locale } = useSpoken();
  const { customer: words } = strings;
  const proven = profile ?? row.customer_profiles;
  const email = proven?.email || row.user_email;
  const phone = proven?.phone || row.customer_phone;
  const isSaid = Boolean(
    (row.user_email && !proven?.email) || (row.customer_phone && !proven?.phone),
  );
  const channels = new Set([row, ...(earlier ?? [])].map(({ channel_type }) => channel_type));
  const language = profile?.language || row.language;
  const since = profile?.first_interaction ?? row.created_at;
  const fields = Object.entries(profile?.custom_fields ?? {});
  return (
    <>
      <dl>
        <Fact term={words.email}>{email && <a href={`mailto:${email}`}>{email}</a>}</Fact>
        <Fact term={words.phone}>{phone && <bdi>{phone}</bdi>}</Fact>
        <Fact term={words.answersTo}>{row.answer_email && <bdi>{row.answer_email}</bdi>}</Fact>
        <Fact term={words.verifiedId}>
          {profile?.verified_id && <bdi>{profile.verified_id}</bdi>}
        </Fact>
        <Fact term={words.company}>{profile?.company}</Fact>
        <Fact term={words.location}>{profile?.location}</Fact>
        <Fact term={words.channel}>
          {[...channels].map((channel) => strings.channels[channel]).join(", ")}
        </Fact>
        <Fact term={words.language}>{language && languageName(language, locale)}</Fact>
        <Fact term={words.since}>
          <time dateTime={since}>{date(since, locale)}</time>
        </Fact>
        <Fact term={words.rating}>
          {row.satisfaction_rating && `${row.satisfaction_rating} / 5`}
        </Fact>
        {fields.map(([name, value]) => (
          <Fact key={name} term={name}>
            {typeof value === "string" ? value : JSON.stringify(value)}
          </Fact>
        ))}
      </dl>
      {isSaid && <p className={css["hint"]}>{words.unverified}</p>}
      {profile?.notes && (
        <section>
          <h3>{words.notes}</h3>
          <p className={css["about"]} dir="auto">
            {profile.notes}
          </p>
        </section>
      )}
    </>
  );
}

/** What the AI asked, and what was chosen. */
function Asked({ messages }: Pick<Props, "messages">) {
  const { customer: words } = useSpoken().strings;
  const asked = messages.filter((message) => choicesOf(message).length > 0);
  if (asked.length === 0) return null;
  const answers = new Map(
    messages.flatMap((message) => {
      const choice = choiceOf(message);
      return choice ? [[choice.message_id, message.content] as const] : [];
    }),
  );
  return (
    <section>
      <h3>{words.asked}</h3>
      <dl>
        {asked.map(({ id, content }) => (
          <div key={id} className={css["asked"]}>
            <dt dir="auto">{content.split("\n\n")[0]}</dt>
            <dd dir="auto">{answers.get(id) ?? words.unanswered}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Fact({ term, children }: { term: string; children: ReactNode }) {
  if (!children) return null;
  return (
    <div className={css["fact"]}>
      <dt>{term}</dt>
      <dd dir="auto">{children}</dd>
    </div>
  );
}

function Tags({
  tags,
  onChange,
}: {
  tags: readonly string[];
  onChange: (add: string[], remove: string[]) => void;
}) {
  const { team } = useSpoken().strings;
  const [text, setText] = useState("");
  function add(event: FormEvent) {
    event.preventDefault();
    const tag = text.trim();
    if (tag && !tags.includes(tag)) onChange([tag], []);
    setText("");
  }
  return (
    <section>
      <h3>{team.tags}</h3>
      {tags.length > 0 && (
        <ul className={css["tags"]}>
          {tags.map((tag) => (
            <li key={tag}>
              <bdi>{tag}</bdi>
              <button
                type="button"
                aria-label={team.removeTag(tag)}
                onClick={() => onChange([], [tag])}
              >
                <X size={13} />
              </button>
            </li>
          ))}
        </ul>
      )}
      <form onSubmit={add}>
        <input
          id="tag"
          aria-label={team.addTag}
          placeholder={team.addTag}
          dir="auto"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </form>
    </section>
  );
}

function Earlier({ rows, hrefOf }: { rows: Props["earlier"]; hrefOf: Props["hrefOf"] }) {
  const { strings, locale } = useSpoken();
  const now = useNow();
  return (
    <section>
      <h3>{strings.customer.earlier}</h3>
      {rows?.length === 0 && <p className={css["hint"]}>{strings.customer.noEarlier}</p>}
      <ul className={css["earlier"]}>
        {rows?.map((row) => (
          <li key={row.id}>
            <a href={hrefOf(row.id)}>
              <span dir="auto">{row.last_message || strings.list.noMessage}</span>
              <time dateTime={row.last_message_at ?? undefined}>
                {ago(row.last_message_at, now, locale)}
              </time>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
