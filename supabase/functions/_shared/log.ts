// One line of JSON for each thing that happened. Fields are ids, counts and names of ours: never what a
// customer wrote, who they are, or a secret.

type Level = "info" | "warning" | "error";

export function log(level: Level, event: string, fields: Record<string, unknown> = {}): void {
  console.log(JSON.stringify({ level, event, ...fields }));
}
