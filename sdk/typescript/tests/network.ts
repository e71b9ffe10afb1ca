/** A network between a client and a server that can be cut, as networks are. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after } from "node:test";

export interface Network {
  url: string;
  /** Reset every connection that is open now. */
  cut(): void;
  /** Refuse new connections, or take them again. */
  refuse(isRefusing: boolean): void;
  /** Reset the connection when so many bytes more have come from the server. */
  cutAfter(bytes: number): void;
}

export async function openNetwork(target: string): Promise<Network> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let isRefusing = false;
  let left = Infinity;

  const server = createServer((near) => {
    if (isRefusing) return near.destroy();
    const far = connect(Number(port), hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => (sockets.delete(one), other.destroy()));
    }
    near.pipe(far);
    far.on("data", (data) => {
      left -= data.length;
      if (left >= 0) near.write(data);
      else {
        left = Infinity;
        near.resetAndDestroy();
      }
    });
    return near;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => sockets.forEach((socket) => socket.destroy());
  after(() => (server.close(), cut()));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    refuse: (now) => (isRefusing = now),
    cutAfter: (bytes) => (left = bytes),
  };
}
