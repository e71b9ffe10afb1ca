/** Of what a page is asked, which may never answer. */

/**
 * Return what the page gives.
 *
 * @param name what it is asked for, as its author knows it
 * @throws that nothing came in time
 */
export function inTime<T>(ask: () => Promise<T>, milliseconds: number, name: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () =>
      reject(new Error(`the page's ${name}() gave nothing for ${milliseconds / 1000} s`));
    setTimeout(late, milliseconds);
    Promise.resolve().then(ask).then(resolve, reject);
  });
}
