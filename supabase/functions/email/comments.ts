// Headers as RFC 5322 writes them: what stands in comments and in quotes, a sender chooses freely.

/**
 * Return a header without comments, and with `quoted` for each quoted text; null where one does not end, or
 * where it may be read in two ways: a quote in a comment.
 */
export function withoutComments(value: string, quoted = ""): string | null {
  const kept: string[] = [];
  let depth = 0, isQuoted = false;
  for (let place = 0; place < value.length; place++) {
    const sign = value[place];
    if (sign === "\\" && (depth > 0 || isQuoted)) place++;
    else if (isQuoted) isQuoted = sign !== '"';
    else if (depth > 0 && sign === '"') return null;
    else if (sign === "(") depth++;
    else if (sign === ")" && depth === 0) return null;
    else if (sign === ")") {
      if (--depth === 0) kept.push(" ");
    } else if (depth > 0) continue;
    else if (sign === '"') {
      isQuoted = true;
      kept.push(quoted);
    } else kept.push(sign);
  }
  return depth === 0 && !isQuoted ? kept.join("") : null;
}
