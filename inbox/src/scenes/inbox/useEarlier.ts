/** What else a customer wrote to the team about. */
import type { ConversationRow } from "romashka";
import { useRomashka } from "romashka/react";
import { useEffect, useState } from "react";

const MOST = 10;

export function useEarlier(row: ConversationRow | null): readonly ConversationRow[] | null {
  const { supabase } = useRomashka();
  const [found, setFound] = useState<{ of: string; rows: ConversationRow[] } | null>(null);
  const customer = row?.customer_id ?? null;
  useEffect(() => {
    if (!customer) return;
    let isOver = false;
    const theirs = supabase.from("conversations").select("*").eq("customer_id", customer);
    void theirs
      .order("last_message_at", { ascending: false })
      .limit(MOST + 1)
      .then(({ data }) => {
        if (!isOver && data) setFound({ of: customer, rows: data as ConversationRow[] });
      });
    return () => void (isOver = true);
  }, [supabase, customer]);
  if (!row || found?.of !== customer) return null;
  return found.rows.filter(({ id }) => id !== row.id).slice(0, MOST);
}
