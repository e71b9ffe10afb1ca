/** The customer, as far as the team knows them. */
import { X } from "lucide-react";
import type { ConversationRow } from "romashka";
import { type FormEvent, type ReactNode, useState } from "react";

import { languageName } from "../../languages";
import { Avatar } from "../../parts/Avatar";
import { Button } from "../../parts/Button";
import { nameOf } from "../../people";
import { useSpoken } from "../../strings";
import { ago, date, useNow } from "../../time";
import css from "./Customer.module.css";

interface Props {
  row: ConversationRow;
  earlier: readonly ConversationRow[] | null;
  hrefOf: (id: string) => string;
  onTags: (add: string[], remove: string[]) => void;
  onClose: () => void;
}

export function Customer({ row, earlier, hrefOf, onTags, onClose }: Props) {
  const { strings, locale } = useSpoken();
  const { customer: words } = strings;
  const profile = row.customer_profiles;
  const name = nameOf(row, strings);
  const email = profile?.email ?? row.user_email;
  const phone = profile?.phone ?? row.customer_phone;
  const isSaid = Boolean(
    (row.user_email && !profile?.email) || (row.customer_phone && !profile?.phone),
  );
  return (
    <aside className={css["customer"]} aria-label={words.label}>
      <Button look="icon" className={css["close"]!} aria-label={strings.close} onClick={onClose}>
        <X size={18} />
      </Button>
      <div className={css["who"]}>
        <Avatar name={name} size="l" />
        <h2 dir="auto">{name}</h2>
      </div>
      <dl>
        <Fact term={words.email}>{email && <a href={`mailto:${email}`}>{email}</a>}</Fact>
        <Fact term={words.phone}>{phone && <bdi>{phone}</bdi>}</Fact>
        <Fact term={words.channel}>{strings.channels[row.channel_type]}</Fact>
        <Fact term={words.language}>{row.language && languageName(row.language, locale)}</Fact>
        <Fact term={words.since}>
          <time dateTime={row.created_at}>{date(row.created_at, locale)}</time>
        </Fact>
        <Fact term={words.rating}>
          {row.satisfaction_rating && `${row.satisfaction_rating} / 5`}
        </Fact>
      </dl>
      {isSaid && <p className={css["hint"]}>{words.unverified}</p>}
      <Tags tags={row.tags ?? []} onChange={onTags} />
      <Earlier rows={earlier} hrefOf={hrefOf} />
    </aside>
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
