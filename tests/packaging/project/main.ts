import { createClient } from "@supabase/supabase-js";
import { Romashka, RomashkaError } from "romashka";
import * as compat from "romashka/compat";
import * as compatHooks from "romashka/compat/react";
import * as parts from "romashka/parts";
import * as hooks from "romashka/react";

export const client = new Romashka(createClient("http://127.0.0.1:9", "anon-key"));
export const answer: Promise<{ content: string }> = client.conversations
  .create("visitor-17")
  .then((conversation) => conversation.ask("What is Romashka?"));
export const entries = [compat, compatHooks, parts, hooks];
export const said = `${Romashka.name} ${RomashkaError.name}`;
