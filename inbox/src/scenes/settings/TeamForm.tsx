/** Who is on the team, who is invited, and what each may do. */
import { UserPlus, X } from "lucide-react";
import { Conflict, type Invitation, type StaffMember, type StaffRole } from "romashka";
import { useRomashka } from "romashka/react";
import { type FormEvent, useCallback, useState } from "react";

import { Avatar } from "../../parts/Avatar";
import { Button } from "../../parts/Button";
import { Field, Wrong } from "../../parts/Field";
import { Notice } from "../../parts/Notice";
import { Skeleton } from "../../parts/Skeleton";
import type { Me } from "../../session/session";
import { useSpoken, useStrings } from "../../strings";
import { date } from "../../time";
import css from "./Settings.module.css";
import { useLoaded } from "./useLoaded";

const ROLES = ["agent", "admin"] as const;

export interface FormProps {
  me: Me;
  mayChange: boolean;
}

export function TeamForm({ me, mayChange }: FormProps) {
  const { setup, retry } = useStrings();
  const { team } = useRomashka();
  const [wrong, setWrong] = useState<string | null>(null);
  const read = useCallback(
    async () => ({
      staff: await team.list(),
      invitations: mayChange ? await team.invitations() : [],
    }),
    [team, mayChange],
  );
  const { value, error, reload } = useLoaded(read);
  if (error) {
    return (
      <Notice title={setup.failed} isAlert>
        <Button onClick={() => void reload()}>{retry}</Button>
      </Notice>
    );
  }
  if (!value) return <Skeleton kind="rows" />;

  async function run(work: Promise<unknown>): Promise<void> {
    setWrong(null);
    try {
      await work;
    } catch (failure) {
      setWrong(reasonOf(failure as Error));
    }
    await reload();
  }

  const reasonOf = (failure: Error) => {
    const { code } = failure as { code?: string };
    return setup.refused[code ?? ""] ?? failure.message;
  };

  return (
    <>
      <ul className={css["people"]}>
        {value.staff.map((member) => (
          <Member
            key={member.id}
            member={member}
            isMe={member.id === me.id}
            mayChange={mayChange}
            onRole={(role) => void run(team.setRole(member.id, role))}
          />
        ))}
      </ul>
      <Wrong text={wrong} />
      {mayChange && <Invite onDone={reload} reasonOf={reasonOf} />}
      {value.invitations.length > 0 && (
        <section>
          <h3>{setup.invited}</h3>
          <ul className={css["people"]}>
            {value.invitations.map((invitation) => (
              <Invited
                key={invitation.id}
                invitation={invitation}
                onRevoke={() => void run(team.revoke(invitation.id))}
              />
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function Member(props: {
  member: StaffMember;
  isMe: boolean;
  mayChange: boolean;
  onRole: (role: StaffRole | "user") => void;
}) {
  const { setup, you } = useStrings();
  const { member, isMe, mayChange, onRole } = props;
  const name = member.full_name || member.email || member.id;
  return (
    <li>
      <Avatar name={name} />
      <p>
        <b dir="auto">
          {name}
          {isMe && ` (${you})`}
        </b>
        <small>{member.email}</small>
      </p>
      <select
        aria-label={setup.roleOf(name)}
        value={member.role}
        disabled={!mayChange || isMe}
        title={isMe ? setup.refused["own_role"] : undefined}
        onChange={({ target }) => onRole(target.value as StaffRole | "user")}
      >
        {ROLES.map((role) => (
          <option key={role} value={role}>
            {setup.roles[role]}
          </option>
        ))}
        <option value="user">{setup.roles.user}</option>
      </select>
    </li>
  );
}

function Invited(props: { invitation: Invitation; onRevoke: () => void }) {
  const { strings, locale } = useSpoken();
  const { setup } = strings;
  const { email, role, expires_at } = props.invitation;
  const isOver = Date.parse(expires_at) < Date.now();
  return (
    <li>
      <p>
        <b>{email}</b>
        <small>
          {setup.roles[role]} · {isOver ? setup.expired : setup.until(date(expires_at, locale))}
        </small>
      </p>
      <Button look="icon" aria-label={setup.revoke(email)} onClick={props.onRevoke}>
        <X size={16} />
      </Button>
    </li>
  );
}

/** Somebody new; or somebody who has an account, if an admin knows whose it is. */
function Invite(props: { onDone: () => Promise<void>; reasonOf: (error: Error) => string }) {
  const { setup, signIn } = useStrings();
  const { team, supabase } = useRomashka();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<StaffRole>("agent");
  const [said, setSaid] = useState<string | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const [known, setKnown] = useState<{ id: string; name: string } | null>(null);

  async function done(text: string): Promise<void> {
    setSaid(text);
    setEmail("");
    setKnown(null);
    await props.onDone();
  }

  async function invite(event: FormEvent) {
    event.preventDefault();
    [setSaid, setWrong].forEach((set) => set(null));
    const address = email.trim();
    try {
      await team.invite(address, role);
      await done(setup.inviteDone(address));
    } catch (error) {
      const isThere = error instanceof Conflict && (await find(address));
      if (!isThere) setWrong(props.reasonOf(error as Error));
    }
  }

  async function find(address: string): Promise<boolean> {
    const all = supabase.from("profiles").select("id,full_name").eq("email", address);
    const { data } = await all.maybeSingle();
    if (data) setKnown({ id: data.id, name: data.full_name || address });
    return data !== null;
  }

  async function giveRole(id: string) {
    try {
      await team.setRole(id, role);
      await done(setup.roleGiven);
    } catch (error) {
      setWrong(props.reasonOf(error as Error));
    }
  }

  return (
    <form className={css["invite"]} onSubmit={(event) => void invite(event)}>
      <h3>{setup.invite}</h3>
      <div>
        <Field label={signIn.email}>
          {(id) => (
            <input
              id={id}
              type="email"
              required
              autoComplete="off"
              value={email}
              onChange={({ target }) => setEmail(target.value)}
            />
          )}
        </Field>
        <Field label={setup.role}>
          {(id) => (
            <select
              id={id}
              value={role}
              onChange={({ target }) => setRole(target.value as StaffRole)}
            >
              {ROLES.map((each) => (
                <option key={each} value={each}>
                  {setup.roles[each]}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Button look="main" type="submit">
          <UserPlus size={16} aria-hidden="true" />
          {setup.inviteSubmit}
        </Button>
      </div>
      <Wrong text={wrong} />
      {known && (
        <p className={css["known"]} role="alert">
          {setup.known(known.name)}
          <Button onClick={() => void giveRole(known.id)}>{setup.giveRole}</Button>
        </p>
      )}
      <p className={css["hint"]} role="status">
        {said ?? setup.inviteHint}
      </p>
    </form>
  );
}
