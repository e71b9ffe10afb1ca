// What each function's process runs first: it gives the function a server on a loopback port that
// the stack learns, instead of the port the function asks for, and ends when the stack does.
//
// The stack writes one line to stdin, {"entrypoint", "marker", "environment"}, and keeps stdin open.
// This process answers with one line on stdout, `<marker> {"port"}`, once the function serves, or
// `<marker> {"failed": true}` when it cannot; everything else on stdout and stderr is the function's.

type Handler = (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>;
type ErrorHandler = (error: unknown) => Response | Promise<Response>;
type Listener = { addr: Deno.NetAddr; close(): void };

const REGISTRATION_MS = 5_000;
const ADDRESS: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 8000 };

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();

async function readOrder(): Promise<{ entrypoint: string; marker: string; environment: string[] }> {
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await lines.read();
    if (done) Deno.exit(0);
    text += value;
  }
  return JSON.parse(text);
}

async function endWithTheStack() {
  while (!(await lines.read()).done);
  Deno.exit(0);
}

const order = await readOrder();
endWithTheStack();
Deno.createHttpClient({}).close(); // while the environment still tells which certificates are trusted
for (const name of Object.keys(Deno.env.toObject())) {
  if (!order.environment.includes(name)) Deno.env.delete(name);
}

function tell(message: unknown) {
  // The newline first: the function may have left a line of its own unfinished.
  Deno.stdout.writeSync(new TextEncoder().encode(`\n${order.marker} ${JSON.stringify(message)}\n`));
}

const serve = Deno.serve;
let registered = false;

function register(handler: Handler, onError?: ErrorHandler) {
  if (registered) throw new Deno.errors.AddrInUse("the function serves already");
  registered = true;
  serve({
    hostname: "127.0.0.1",
    port: 0,
    ...(onError && { onError }),
    onListen: ({ port }) => tell({ port }),
  }, handler);
}

// Deno.serve(handler), Deno.serve(options, handler), Deno.serve({ handler, ...options }).
// deno-lint-ignore no-explicit-any
function serveHere(first: any, second?: any) {
  const options = typeof first === "function" ? {} : first ?? {};
  const handler = typeof first === "function" ? first : second ?? options.handler;
  if (typeof handler !== "function") throw new TypeError("No handler was provided, so an HTTP server cannot be started");
  register(handler, options.onError);
  queueMicrotask(() => options.onListen?.(ADDRESS));
  return {
    addr: ADDRESS,
    finished: new Promise<void>(() => {}),
    shutdown: () => Promise.resolve(),
    ref() {},
    unref() {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

// std/http's old serve(): accepts connections from Deno.listen and reads them with Deno.serveHttp.
// Here each request is a connection of its own.
class OldListener implements Listener {
  addr = ADDRESS;
  rid = -1;
  #arrived: OldConnection[] = [];
  #waiting: ((connection: OldConnection) => void)[] = [];

  constructor() {
    register((request, info) =>
      new Promise((respondWith) => {
        const connection = new OldConnection(info.remoteAddr as Deno.NetAddr, { request, respondWith });
        const waiting = this.#waiting.shift();
        waiting ? waiting(connection) : this.#arrived.push(connection);
      })
    );
  }

  accept(): Promise<OldConnection> {
    const connection = this.#arrived.shift();
    return connection ? Promise.resolve(connection) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  async *[Symbol.asyncIterator]() {
    while (true) yield await this.accept();
  }

  close() {}
  ref() {}
  unref() {}
}

type OldEvent = { request: Request; respondWith(response: Response | Promise<Response>): unknown };

class OldConnection {
  localAddr = ADDRESS;
  rid = -1;
  constructor(public remoteAddr: Deno.NetAddr, public event: OldEvent | null) {}
  close() {}
}

function serveOldHttp(connection: OldConnection) {
  const nextRequest = () => {
    const event = connection.event;
    connection.event = null;
    return Promise.resolve(
      event && {
        request: event.request,
        respondWith: async (response: Response | Promise<Response>) => event.respondWith(await response),
      },
    );
  };
  return {
    rid: -1,
    nextRequest,
    close() {},
    async *[Symbol.asyncIterator]() {
      for (let event = await nextRequest(); event; event = await nextRequest()) yield event;
    },
  };
}

const listen = Deno.listen;
Object.assign(Deno, {
  serve: serveHere,
  serveHttp: serveOldHttp,
  // deno-lint-ignore no-explicit-any
  listen: (options: any) => registered || options?.transport === "unix" ? listen(options) : new OldListener(),
});

try {
  const module = await import(order.entrypoint);
  if (!registered && typeof module.default?.fetch === "function") {
    register((request) => module.default.fetch(request));
  }
  setTimeout(() => {
    if (registered) return;
    console.error("the function did not call Deno.serve");
    tell({ failed: true });
    Deno.exit(1);
  }, REGISTRATION_MS);
} catch (error) {
  console.error(error);
  tell({ failed: true });
  Deno.exit(1);
}
