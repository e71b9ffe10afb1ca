/** The file of a message: a picture is seen, what sounds is heard, and all others are downloads; none is ever run. */
import { Download, FileText } from "lucide-react";
import type { Attachment } from "romashka";
import { useState } from "react";

import { useFileUrl } from "../../fileUrls";
import { useSpoken } from "../../strings";
import { inBytes } from "../../sizes";
import css from "./Attached.module.css";

const PICTURES = new Set(["png", "jpeg", "gif", "webp", "avif", "bmp"].map((is) => `image/${is}`));

export function Attached({ attachment }: { attachment: Attachment }) {
  const { strings, locale } = useSpoken();
  const url = useFileUrl(attachment);
  const [isBroken, setBroken] = useState(false);
  const { content_type: type, size } = attachment;
  const name = attachment.name || strings.message.attachment;
  const kind = isBroken || !url ? "file" : PICTURES.has(type) ? "image" : type.split("/")[0];
  const broken = () => setBroken(true);
  return (
    <div className={css["attached"]}>
      {kind === "image" && (
        <a className={css["picture"]} href={url!} target="_blank" rel="noopener noreferrer">
          <img src={url!} alt={name} loading="lazy" decoding="async" onError={broken} />
        </a>
      )}
      {kind === "audio" && (
        <audio src={url!} controls preload="none" aria-label={name} onError={broken} />
      )}
      {kind === "video" && (
        <video src={url!} controls preload="metadata" aria-label={name} onError={broken} />
      )}
      <a
        className={css["file"]}
        href={url ?? undefined}
        download={name}
        aria-disabled={url ? undefined : true}
        rel="noopener noreferrer"
        title={strings.files.download}
      >
        {kind === "file" ? (
          <FileText size={18} aria-hidden="true" />
        ) : (
          <Download size={14} aria-hidden="true" />
        )}
        <bdi>{name}</bdi>
        <span className={css["size"]}>
          {url === null ? strings.files.gone : size > 0 && inBytes(size, locale)}
        </span>
      </a>
    </div>
  );
}
