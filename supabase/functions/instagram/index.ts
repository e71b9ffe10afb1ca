import { metaChannel } from "../_shared/meta.ts";
import { webhook } from "../_shared/webhook.ts";
import { readInstagram } from "./payload.ts";

Deno.serve(webhook(metaChannel("instagram", readInstagram)));
