/** Once a frame: however many events come in one, a screen is told once. */

const FRAME_MS = 17;
/** A page that is not shown has no frames; its title and its notifications still change. */
const HIDDEN_MS = 100;

const waiting = new Set<() => void>();
let isAsked = false;

/** Do `work` in the next frame, once. */
export function onFrame(work: () => void): void {
  waiting.add(work);
  if (isAsked) return;
  isAsked = true;
  const hasFrames = typeof requestAnimationFrame === "function";
  const timer = setTimeout(run, hasFrames ? HIDDEN_MS : FRAME_MS);
  const frame = hasFrames ? requestAnimationFrame(run) : 0;
  function run(): void {
    clearTimeout(timer);
    if (hasFrames) cancelAnimationFrame(frame);
    isAsked = false;
    const works = [...waiting];
    waiting.clear();
    works.forEach((each) => each());
  }
}
