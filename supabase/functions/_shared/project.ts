// The project that the functions belong to, reached as the service role.

import { createClient } from "@supabase/supabase-js";
import { serviceKeys } from "./service_role.ts";

export const project = createClient(
  Deno.env.get("SUPABASE_URL")!,
  serviceKeys()[0],
  {
    auth: { persistSession: false, autoRefreshToken: false },
    // A redirect would take the key along to whatever host it names.
    global: { fetch: (at, init) => fetch(at, { ...init, redirect: "error" }) },
  },
);
