/**
 * What the SDK needs of a project: rows, functions, and a socket.
 *
 * A client of supabase-js is one, and so are the parts of it that `romashka/parts` puts together.
 */
import type { PostgrestClient } from "@supabase/postgrest-js";
import type { RealtimeClient } from "@supabase/realtime-js";

import type { Database } from "./database.js";

type Rest = PostgrestClient<Database, { PostgrestVersion: "12" }>;

/** Tables, functions and Realtime of a project, as somebody who may be signed in. */
export interface Backend {
  from: Rest["from"];
  rpc: Rest["rpc"];
  readonly realtime: RealtimeClient;
}
