// What a message of Instagram's says, for a person to read: its text, or else what is attached to it.

import { bounded } from "../_shared/bounded.ts";
import type { Media, Written } from "../_shared/events.ts";
import { type Fields, fields, id, objects, present, short, text } from "../_shared/json.ts";

export function readContent(message: Fields): Omit<Written, "id" | "customer"> {
  const attachments = objects(message.attachments);
  const replyTo = fields(message.reply_to);
  const media = attachments.map(readMedia).filter((one) => one !== undefined);
  const placeholders = attachments.map(describe).join("\n");
  return {
    type: attachments.length ? TYPES.get(kindOf(attachments[0])) ?? "text" : "text",
    content: text(message.text) ?? (placeholders || "[Unsupported message]"),
    media: media.length ? media : undefined,
    reply_to: id(replyTo.mid),
    metadata: present({
      attachments: attachments.length > media.length ? bounded(attachments) : undefined,
      story: bounded(replyTo.story),
      quick_reply: bounded(message.quick_reply),
      referral: bounded(message.referral),
    }),
  };
}

// What the customer sent as a file is fetched; what they point to (a story, a reel, a post) stays a link.
const TYPES = new Map([
  ["image", "image"],
  ["video", "video"],
  ["audio", "audio"],
  ["file", "document"],
  ["sticker", "image"],
  ["animated_image", "image"],
]);
const NAMES = new Map([
  ["image", "[Image]"],
  ["video", "[Video]"],
  ["audio", "[Voice message]"],
  ["file", "[File]"],
  ["sticker", "[Sticker]"],
  ["animated_image", "[Animated image]"],
  ["like_heart", "❤️"],
  ["story_mention", "[Mentioned you in a story]"],
  ["share", "[Shared post]"],
  ["post", "[Shared post]"],
  ["ig_post", "[Shared post]"],
  ["reel", "[Shared reel]"],
  ["ig_reel", "[Shared reel]"],
  ["ig_story", "[Shared story]"],
  ["template", "[Card]"],
  ["generic_template", "[Card]"],
  ["fallback", "[Link]"],
  ["ephemeral", "[Disappearing message]"],
]);

function describe(attachment: Fields): string {
  const name = NAMES.get(kindOf(attachment)) ?? "[Unsupported attachment]";
  const title = short(fields(attachment.payload).title);
  return title ? `${name} ${title}` : name;
}

function readMedia(attachment: Fields): Media | undefined {
  const url = text(fields(attachment.payload).url);
  return url && TYPES.has(kindOf(attachment)) ? { url } : undefined;
}

function kindOf(attachment: Fields): string {
  return text(attachment.type) ?? "nameless";
}
