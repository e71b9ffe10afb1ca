/** Who of the team is in the conversation, and types; the customer is seen there while the window is open. */
import type { Conversation, Person } from "romashka";
import { useEffect, useState } from "preact/hooks";

export function useTeam(conversation: Conversation | null, isOpen: boolean): readonly Person[] {
  const [people, setPeople] = useState<readonly Person[]>([]);
  const id = conversation?.id;
  useEffect(() => {
    setPeople([]);
    if (!conversation || !isOpen) return;
    const here = conversation.presence.people({ role: "customer", name: "" });
    void (async () => {
      for await (const all of here) setPeople(all.filter(({ role }) => role === "agent"));
    })().catch(() => {}); // nothing but a display depends on it
    return () => void here.return?.();
  }, [id, isOpen]);
  return people;
}
