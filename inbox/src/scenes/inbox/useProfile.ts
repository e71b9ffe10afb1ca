/** What the team knows of a customer, and what it changes of that. */
import { type Database, type Json } from "romashka";
import { useRomashka } from "romashka/react";
import { useCallback, useEffect, useState } from "react";

const COLUMNS =
  "id,verified_id,name,email,phone,company,location,language,notes,custom_fields,first_interaction" as const;

type Row = Database["public"]["Tables"]["customer_profiles"]["Row"];
export type Profile = Pick<
  Row,
  "id" | "verified_id" | "name" | "email" | "phone" | "company" | "location" | "language" | "notes"
> & { custom_fields: Fields; first_interaction: string | null };

/** By name; what is no text is as it was stored. */
export type Fields = Readonly<Record<string, Json>>;

/** Only what somebody changed; of the fields, null removes one. */
export type ProfileChanges = Partial<
  Omit<Profile, "id" | "verified_id" | "custom_fields" | "first_interaction">
> & {
  fields?: Readonly<Record<string, string | null>>;
};

/** Another customer has this address, or this number. */
export class Taken extends Error {
  override readonly name = "Taken";
}

export interface KnownProfile {
  profile: Profile | null;
  save: (changes: ProfileChanges) => Promise<void>;
}

export function useProfile(customerId: string | null): KnownProfile {
  const { supabase } = useRomashka();
  const [profile, setProfile] = useState<Profile | null>(null);

  const read = useCallback(async (): Promise<Profile | null> => {
    if (!customerId) return null;
    const all = supabase.from("customer_profiles").select(COLUMNS);
    const { data, error } = await all.eq("id", customerId).maybeSingle();
    if (error) throw new Error(error.message);
    return data && { ...data, custom_fields: fieldsOf(data.custom_fields) };
  }, [supabase, customerId]);

  useEffect(() => {
    let isOver = false;
    read().then(
      (known) => !isOver && setProfile(known),
      () => {}, // the conversation's own row says who it is
    );
    return () => void (isOver = true);
  }, [read]);

  const save = useCallback(
    async ({ fields, ...columns }: ProfileChanges) => {
      if (!customerId) return;
      // Read anew: a colleague may have written other fields meanwhile.
      const custom_fields = fields && merged((await read())?.custom_fields ?? {}, fields);
      const changes = { ...columns, ...(custom_fields && { custom_fields }) };
      const changed = supabase.from("customer_profiles").update(changes);
      const { data, error } = await changed.eq("id", customerId).select("id");
      if (error?.code === "23505") throw new Taken(error.message);
      if (error) throw new Error(error.message);
      if (data.length === 0) throw new Error("there is no such customer");
      setProfile(await read());
    },
    [supabase, customerId, read],
  );
  return { profile: profile?.id === customerId ? profile : null, save };
}

function fieldsOf(stored: Json | null): Fields {
  const isObject = typeof stored === "object" && stored !== null && !Array.isArray(stored);
  return isObject ? (stored as Fields) : {};
}

function merged(before: Fields, changes: Readonly<Record<string, string | null>>) {
  const after: Record<string, Json> = { ...before };
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete after[name];
    else after[name] = value;
  }
  return after;
}
