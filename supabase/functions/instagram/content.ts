// What a message of Instagram's says, for a person to read: its text, or else what is attached to it.

import { bounded } from "../_shared/bounded.ts";
import { readChoice } from "../_shared/choice.ts";
import type { Media, Written } from "../_shared/events.ts";
import { type Fields, fields, id, objects, present, short, text } from "../_shared/json.ts";

export function readContent(message: Fields): Omit<Written, "id" | "customer"> {
  const attachments = objects(message.attachments);
  const replyTo = fields(message.reply_to);
  const kinds = attachments.map(kindOf);
  const media = attachments.map(readMedia).filter((one) => one !== undefined);
  const words = text(message.text);
  return {
    type: attachments.length ? TYPES.get(kinds[0]) ?? "text" : "text",
    content: words ?? (attachments.map(describe).join("\n") || "[Unsupported message]"),
    is_placeholder: words === undefined || undefined,
    is_unsupported: words === undefined && kinds.every((kind) => !NAMES.has(kind)) || undefined,
    // They did not write to the team: they showed it to others.
    needs_no_answer: words === undefined && kinds.includes("story_mention") || undefined,
    media: media.length ? media : undefined,
    reply_to: id(replyTo.mid),
    metadata: present({
      attachments: attachments.length > media.length ? bounded(attachments) : undefined,
      unsupported: bounded(message.unsupported),
      errors: bounded(message.errors),
      story: bounded(replyTo.story),
      quick_reply: bounded(message.quick_reply),
      choice: readChoice(fields(message.quick_reply).payload),
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
