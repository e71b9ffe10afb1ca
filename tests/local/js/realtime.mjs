// Does with supabase-js what browsers do, and prints what happened, one JSON object a line.
import { createClient } from "@supabase/supabase-js";
import WebSocket from "ws";

const [url, key, token] = process.argv.slice(2);
const client = createClient(url, key, {
  realtime: { transport: WebSocket },
  accessToken: async () => token,
});
const say = (object) => console.log(JSON.stringify(object));
const once = (subscribe) => new Promise(subscribe);
const heard = [];

const room = client.channel("room", {
  config: { broadcast: { self: true, ack: true }, presence: { key: "me" } },
});
const echoed = once((resolve) => {
  room.on("broadcast", { event: "*" }, (message) => {
    const payload = message.payload instanceof ArrayBuffer
      ? [...new Uint8Array(message.payload)]
      : message.payload;
    heard.push([message.event, payload]);
    if (heard.length === 3) resolve();
  });
});
const changed = once((resolve) => {
  room.on("postgres_changes", { event: "INSERT", schema: "public", table: "notes" }, resolve);
});
const present = once((resolve) => {
  room.on("presence", { event: "join" }, ({ key, newPresences }) =>
    resolve([key, newPresences.map(({ mood }) => mood)]));
});
const live = once((resolve) => room.on("system", {}, resolve));
const joined = once((resolve, reject) =>
  room.subscribe((status, error) => {
    if (status === "SUBSCRIBED") resolve(status);
    else if (error) reject(error);
  }));
await joined;
const system = await live;

const sent = await room.send({ type: "broadcast", event: "json", payload: { text: "héllo" } });
const bytes = new Uint8Array([0, 255]).buffer;
await room.send({ type: "broadcast", event: "bytes", payload: bytes });
const other = client.channel("room");
const posted = await other.httpSend("posted", { n: 1 });
await echoed;
await room.track({ mood: "good" });

const secret = client.channel("secret", { config: { private: true } });
const told = once((resolve) => secret.on("broadcast", { event: "e" }, resolve));
await once((resolve) => secret.subscribe((status) => status === "SUBSCRIBED" && resolve()));
const forbidden = client.channel("forbidden", { config: { private: true } });
const refusal = await once((resolve) =>
  forbidden.subscribe((status, error) => status === "CHANNEL_ERROR" && resolve(error.message)));
say({ system: system.message, sent, posted, heard, present: await present, refusal });

const change = await changed;
const message = await told;
say({ change: { type: change.eventType, new: change.new }, message: message.payload.n });
await client.removeAllChannels();
client.realtime.disconnect();
