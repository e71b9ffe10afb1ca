/** Who is on the team, by id. */
import type { Romashka } from "romashka";
import { useEffect, useState } from "react";

import type { Team } from "../../people";

export function useTeam(client: Romashka): Team {
  const [team, setTeam] = useState<Team>(new Map());
  useEffect(() => {
    let isOver = false;
    client.team.list().then(
      (staff) => {
        const named = staff.map(({ id, full_name, email }) => ({
          id,
          name: full_name || email || id,
        }));
        if (!isOver) setTeam(new Map(named.map((each) => [each.id, each])));
      },
      () => {}, // their messages are the team's, without a name
    );
    return () => void (isOver = true);
  }, [client]);
  return team;
}
