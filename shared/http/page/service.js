// Call the service, and classify its answers and failures.

/**
 * Call the service with POST, or with GET without a body. Returns {ok: true, body} or {ok: false, message, canRetry,
 * isUnavailable, retryAfterS}. Never throws.
 */
async function callService(path, { body, headers = {}, read = (reply) => reply.json() } = {}) {
  let reply;
  try {
    // With this header, Identity-Aware Proxy answers 401 to a signed-out user instead of a redirect to the sign-in page
    // (https://cloud.google.com/iap/docs/sessions-howto).
    headers = { ...headers, "X-Requested-With": "XMLHttpRequest" };
    reply = await fetch(path, { method: body === undefined ? "GET" : "POST", body, headers, redirect: "error" });
  } catch {
    return failureWithoutAnswer();
  }
  const content = await (reply.ok ? read(reply) : reply.json()).catch(() => null);
  if (reply.ok && content) return { ok: true, body: content };
  if (reply.ok) return failureWithoutAnswer();
  const message = content?.error?.message ?? content?.error; // our shape of errors, or KServe's, which is a text
  return failure(typeof message === "string" ? message : sentenceFor(reply.status), {
    retryAfterS: reply.headers.has("Retry-After") ? Number(reply.headers.get("Retry-After")) || 1 : null,
    canRetry: reply.status === 429 || reply.status >= 500,
    isUnavailable: [429, 502, 503, 504].includes(reply.status),
  });
}

function failure(message, { canRetry = false, isUnavailable = false, retryAfterS = null } = {}) {
  return { ok: false, message, canRetry, isUnavailable, retryAfterS };
}

/** Return the failure for a broken connection: a small request shows whether the service answers at all. */
async function failureWithoutAnswer() {
  try {
    if ((await fetch("v2/health/live", { redirect: "error" })).ok) {
      return failure("The connection broke while this was sent; the file may be too large.", { canRetry: true });
    }
  } catch {
    // the service does not answer either
  }
  const sentence = navigator.onLine ? "The service does not answer." : "You are offline.";
  return failure(sentence, { canRetry: true, isUnavailable: true });
}

/** Return a sentence for an answer of a proxy in front of the service, which has no message for users. */
function sentenceFor(status) {
  if (status === 401 || status === 403) return "You may not use this service; reload the page to sign in.";
  if (status === 413) return "The file is too large to be sent; choose a smaller one.";
  return `The service answered with an error (${status}); try again later.`;
}

function typeOf(file) {
  return file.type.startsWith("image/") ? file.type : "application/octet-stream";
}

/** Return a Content-Disposition that names a file (RFC 6266, RFC 8187). */
function disposition(name) {
  const whole = name.toWellFormed?.() ?? name;
  const encoded = encodeURIComponent(whole.length > 250 ? whole.slice(-250).toWellFormed?.() ?? "picture" : whole);
  return `attachment; filename*=UTF-8''${encoded.replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`)}`;
}

function newKey() {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

const asJson = { "Content-Type": "application/json" };
const toBlob = (reply) => reply.blob();
