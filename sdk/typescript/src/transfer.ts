/** A file on its way, and how far it is: `fetch` does not tell. */

/** Who wants to know of an upload, or to end it. */
export interface Transfer {
  /** Gives it up. */
  signal?: AbortSignal | undefined;
  /** Hears how much is sent, from 0 to 1; in browsers. */
  onProgress?: ((share: number) => void) | undefined;
}

/** What Storage answered, as its client has it. */
export interface Answer {
  data: object | null;
  error: { message: string; status: number; statusCode: string } | null;
}

/** Store a file at a URL of Storage's, with the session of `token`. */
export function transfer(
  url: string,
  file: Blob,
  token: string | null,
  { signal, onProgress }: Transfer,
): Promise<Answer> {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const fail = (message: string) =>
      resolve({ data: null, error: { message, status: 0, statusCode: "0" } });
    request.open("POST", url);
    if (token) request.setRequestHeader("authorization", `Bearer ${token}`);
    request.setRequestHeader("content-type", file.type);
    request.upload.onprogress = ({ loaded, total }) => onProgress?.(total ? loaded / total : 0);
    request.onload = () => resolve(answerOf(request));
    request.onerror = () => fail("the connection was lost");
    request.onabort = () => fail("it was given up");
    signal?.addEventListener("abort", () => request.abort());
    if (signal?.aborted) return fail("it was given up");
    request.send(file);
  });
}

function answerOf({ status, responseText }: XMLHttpRequest): Answer {
  let told: Record<string, unknown> = {};
  try {
    told = JSON.parse(responseText) as Record<string, unknown>;
  } catch {
    // A gateway's page.
  }
  if (status >= 200 && status < 300) return { data: told, error: null };
  const { message = `status ${status}`, statusCode = status } = told;
  return {
    data: null,
    error: { message: String(message), status, statusCode: String(statusCode) },
  };
}
