import { metaChannel } from "../_shared/meta.ts";
import { webhook } from "../_shared/webhook.ts";
import { readWhatsApp } from "./payload.ts";

Deno.serve(webhook(metaChannel("whatsapp", readWhatsApp)));
