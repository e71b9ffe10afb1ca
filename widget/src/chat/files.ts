/** What of Storage the SDK's attachments need, by its REST API. */
interface Failure {
  message: string;
  status?: number;
  statusCode?: string;
}
type Answer<T> = Promise<{ data: T; error: null } | { data: null; error: Failure }>;

export class Files {
  constructor(
    private readonly url: string,
    private readonly key: string,
    private readonly token: () => Promise<string | null>,
  ) {}

  readonly from = (bucket: string) => ({
    upload: (path: string, file: Blob, { contentType }: { contentType: string }) =>
      this.#ask<unknown>(`${bucket}/${path}`, file, { "content-type": contentType }),
    createSignedUrls: async (
      paths: string[],
      expiresIn: number,
    ): Answer<{ path: string; signedUrl: string | null }[]> => {
      const body = JSON.stringify({ expiresIn, paths });
      const { data, error } = await this.#ask<{ path: string; signedURL: string | null }[]>(
        `sign/${bucket}`,
        body,
        { "content-type": "application/json" },
      );
      if (error) return { data: null, error };
      const all = data!.map(({ path, signedURL }) => ({
        path,
        signedUrl: signedURL && `${this.url}/storage/v1${signedURL}`,
      }));
      return { data: all, error: null };
    },
  });

  async #ask<T>(path: string, body: BodyInit, headers: Record<string, string>): Answer<T> {
    try {
      const token = (await this.token()) ?? this.key;
      const answer = await fetch(`${this.url}/storage/v1/object/${path}`, {
        method: "POST",
        headers: { ...headers, apikey: this.key, authorization: `Bearer ${token}` },
        body,
      });
      const given = await answer.json();
      return answer.ok
        ? { data: given as T, error: null }
        : { data: null, error: { status: answer.status, ...(given as Failure) } };
    } catch (error) {
      return { data: null, error: { message: (error as Error).message, status: 0 } };
    }
  }
}
