// Posted forms whose fields are bytes, not texts: what browsers and servers read as UTF-8 may be anything else here.

import { Buffer } from "node:buffer";
import { Refusal } from "../_shared/refusal.ts";
import { textOf } from "./charsets.ts";

type Body = Uint8Array<ArrayBuffer>;

/** A form's fields as bytes: they come in any charset, and a raw mail in several. */
export class Form {
  private constructor(private readonly fields: FormData) {}

  /** A form is read as UTF-8. So each byte is made a letter of its own, and each letter a byte again. */
  static async of(body: Body, type: string): Promise<Form> {
    const letters = Buffer.from(body).toString("latin1");
    const isMultipart = /^multipart\//i.test(type.trim());
    const read = isMultipart ? letters : letters.replace(
      /%([89a-f][0-9a-f])/gi,
      (_, hex) => encodeURIComponent(String.fromCharCode(parseInt(hex, 16))),
    );
    try {
      return new Form(
        await new Response(read, { headers: { "content-type": type } }).formData(),
      );
    } catch {
      throw new Refusal(400, "no_form");
    }
  }

  has(name: string): boolean {
    return this.fields.has(name);
  }

  /** Return a field or a file; null where there is none. */
  async bytes(name: string): Promise<Body | null> {
    const value = this.fields.get(name);
    if (value === null) return null;
    return bytesOf(typeof value === "string" ? value : await value.text());
  }

  /** Return a field as text, in the charset that it is said to have or else has. */
  text(name: string, charset = "utf-8"): string {
    const value = this.fields.get(name);
    return typeof value === "string" ? textOf(bytesOf(value), charset) : "";
  }

  /** Return a field that is JSON; an empty object where it is none. */
  json(name: string): unknown {
    try {
      return JSON.parse(this.text(name) || "{}");
    } catch {
      return {};
    }
  }

  async file(name: string): Promise<{ name: string; type: string; content: Body } | null> {
    const value = this.fields.get(name);
    if (value === null || typeof value === "string") return null;
    return {
      name: textOf(bytesOf(value.name)),
      type: value.type,
      content: bytesOf(await value.text()),
    };
  }
}

function bytesOf(letters: string): Body {
  return new Uint8Array(Buffer.from(letters, "latin1"));
}
