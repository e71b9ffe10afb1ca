/** Who is on the team, by id. */
import type { Romashka } from "romashka";
import { useEffect, useState } from "react";

import type { Team } from "../../people";

export function useTeam({ supabase }: Romashka): Team {
  const [team, setTeam] = useState<Team>(new Map());
  useEffect(() => {
    let isOver = false;
    const staff = supabase
      .from("profiles")
      .select("id, full_name, email")
      .in("role", ["agent", "admin"]);
    void staff.order("full_name").then(({ data }) => {
      if (isOver || !data) return;
      setTeam(
        new Map(
          data.map(({ id, full_name, email }) => [id, { id, name: full_name || email || id }]),
        ),
      );
    });
    return () => void (isOver = true);
  }, [supabase]);
  return team;
}
