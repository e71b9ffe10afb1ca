/** Where the files of a conversation can be seen: all of them asked for at once, and again before they run out. */
import { attachmentOf, type Attachments, type Message } from "romashka";
import { useEffect, useState } from "preact/hooks";

const LASTS_MS = 50 * 60_000;

export function useUrls(
  messages: readonly Message[],
  attachments: Attachments,
): ReadonlyMap<string, string> {
  const [urls, setUrls] = useState<ReadonlyMap<string, string>>(new Map());
  const [round, setRound] = useState(0);
  const files = messages.map(attachmentOf).filter((each) => each !== null);
  const missing = files.filter(({ path }) => !urls.has(path));
  const key = missing.map(({ path }) => path).join();

  useEffect(() => {
    if (missing.length === 0) return;
    let isLeft = false;
    attachments.signedUrls(missing).then(
      (given) => {
        const found = missing.flatMap(({ path }, at) =>
          given[at] ? [[path, given[at]] as const] : [],
        );
        if (!isLeft && found.length > 0) setUrls((before) => new Map([...before, ...found]));
      },
      () => {}, // the file's name stands there meanwhile
    );
    return () => void (isLeft = true);
  }, [key, round]);

  useEffect(() => {
    const again = setInterval(() => (setUrls(new Map()), setRound((each) => each + 1)), LASTS_MS);
    return () => clearInterval(again);
  }, []);
  return urls;
}
