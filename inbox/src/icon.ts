/** The page's icon, with a count on it. */

const SIZE = 64;
const FLOWER = "./favicon.svg";

/** Put the count on the icon; none, where nothing waits. */
export async function markIcon(count: number, signal: AbortSignal): Promise<void> {
  const href = count > 0 ? await drawn(count) : FLOWER;
  const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  if (!link || !href || signal.aborted) return;
  if (link.href.startsWith("blob:")) URL.revokeObjectURL(link.href);
  link.href = href;
}

async function drawn(count: number): Promise<string | null> {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const pen = canvas.getContext("2d");
  if (!pen) return null;
  const flower = new Image(SIZE, SIZE);
  flower.src = FLOWER;
  await flower.decode().catch(() => {});
  if (flower.naturalWidth > 0) pen.drawImage(flower, 0, 0, SIZE, SIZE);
  pen.fillStyle = "#a92a1e";
  pen.beginPath();
  pen.arc(SIZE * 0.66, SIZE * 0.66, SIZE * 0.34, 0, 2 * Math.PI);
  pen.fill();
  pen.fillStyle = "#ffffff";
  pen.font = `600 ${SIZE * (count > 9 ? 0.38 : 0.5)}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(count > 99 ? "99" : String(count), SIZE * 0.66, SIZE * 0.69);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve));
  return blob && URL.createObjectURL(blob);
}
