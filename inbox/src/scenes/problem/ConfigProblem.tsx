/** Nobody told the inbox which project it is of, or not rightly. */
import { FileWarning } from "lucide-react";

import type { Problem } from "../../config/config";
import { Notice } from "../../parts/Notice";
import { useStrings } from "../../strings";

const EXAMPLE = `{
  "url": "https://example.supabase.co",
  "anonKey": "sb_publishable_…"
}`;

export function ConfigProblem({ problem }: { problem: Problem }) {
  const { config } = useStrings();
  return (
    <main>
      <Notice title={config.title} text={config[problem]} icon={<FileWarning size={40} />} isAlert>
        <p>{config.example}</p>
        <pre dir="ltr">{EXAMPLE}</pre>
      </Notice>
    </main>
  );
}
