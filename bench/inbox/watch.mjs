// What watches a page from within: Chromium is told to begin with it.
export function watch() {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  /** Until what is on the page now is on the screen. */
  const paint = async () => {
    await frame();
    await new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = resolve;
      port2.postMessage(null);
    });
  };
  const has = (selector, text) => [...document.querySelectorAll(selector)].some((each) => each.textContent.includes(text));

  /** The time until something is painted, since `begin`. */
  async function painted(selector, text = "", begin = 0) {
    while (!has(selector, text)) await frame();
    await paint();
    return performance.now() - begin;
  }

  /** Do something each frame, until it says that it is over. */
  async function each(act) {
    while (act() !== false) await frame();
  }

  const durations = new Map();
  let nodes = 0;
  let out = 0;
  let drift = 0;
  let round = 0;

  const topOf = (element) => element.getBoundingClientRect().top;

  globalThis.watched = {
    painted,
    /** Count from the next click on. */
    next(selector, text) {
      globalThis.watched.shown = new Promise((resolve) => {
        const begin = ({ timeStamp }) => resolve(painted(selector, text, timeStamp));
        addEventListener("click", begin, { once: true, capture: true });
      });
      return null;
    },
    keys() {
      durations.clear();
      new PerformanceObserver((list) => {
        for (const { interactionId: id, duration } of list.getEntries())
          if (id > 0) durations.set(id, Math.max(durations.get(id) ?? 0, duration));
      }).observe({ type: "event", durationThreshold: 16 });
    },
    durations: () => [...durations.values()],
    nodes() {
      nodes = 0;
      void each(() => void (nodes = Math.max(nodes, document.getElementsByTagName("*").length)));
    },
    mostNodes: () => nodes,
    /** By how much the end of the messages is out of sight, as long as a draft grows. */
    end() {
      out = 0;
      const mine = (round += 1);
      void each(() => {
        const { scrollHeight, scrollTop, clientHeight } = document.querySelector("#messages");
        out = Math.max(out, scrollHeight - scrollTop - clientHeight);
        return round === mine ? undefined : false;
      });
    },
    ended: () => ((round += 1), out),
    /** By how much something in the middle of a box moves from now on. */
    anchor(box, selector) {
      drift = 0;
      const mine = (round += 1);
      const within = document.querySelector(box).closest("#messages, main > div > div") ?? document.querySelector(box);
      const top = topOf(within);
      const seen = [...within.querySelectorAll(selector)].find((each_) => topOf(each_) > top + 100);
      const [id, text, place] = [seen.id, seen.textContent, topOf(seen)];
      void each(() => {
        const now = id ? document.getElementById(id) : [...within.querySelectorAll(selector)].find(({ textContent }) => textContent === text);
        drift = Math.max(drift, now ? Math.abs(topOf(now) - place) : 10_000);
        return round === mine ? undefined : false;
      });
    },
    moved: () => ((round += 1), drift),
    places: () => [document.querySelector("#messages").scrollTop, document.querySelector("main ul").parentElement.scrollTop],
    /** Scroll up to where history is loaded; return by how much what is read moves meanwhile. */
    async history() {
      const box = document.querySelector("#messages");
      for (let step = 0; box.scrollTop > 620 && step < 200; step += 1) {
        box.scrollTop -= 200;
        await frame();
      }
      const items = () => [...box.querySelectorAll("article")].map((item) => [item.textContent, topOf(item)]);
      box.scrollTop = 500;
      await frame();
      await frame();
      const seen = items().find(([, top]) => top > topOf(box) + 50);
      let moved = 0;
      for (let at = 0; at < 60; at += 1) {
        await frame();
        const now = items().find(([text]) => text === seen[0]);
        moved = Math.max(moved, now ? Math.abs(now[1] - seen[1]) : 10_000);
      }
      return moved;
    },
  };
}
