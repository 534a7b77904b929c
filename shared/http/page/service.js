// What the service is asked, and what its answers mean.

/** POST or GET; returns {ok: true, body} or {ok: false, message, canRetry, isAway, retryAfterS}. Never throws. */
async function ask(path, { body, headers = {}, read = (reply) => reply.json() } = {}) {
  let reply;
  try {
    // Told that a script asks, Identity-Aware Proxy answers 401 to who is signed out, and sends nobody elsewhere
    // (https://cloud.google.com/iap/docs/sessions-howto).
    headers = { ...headers, "X-Requested-With": "XMLHttpRequest" };
    reply = await fetch(path, { method: body === undefined ? "GET" : "POST", body, headers, redirect: "error" });
  } catch {
    return noAnswer();
  }
  const content = await (reply.ok ? read(reply) : reply.json()).catch(() => null);
  if (reply.ok && content) return { ok: true, body: content };
  if (reply.ok) return noAnswer();
  const told = content?.error?.message ?? content?.error; // ours, or KServe's, whose errors are texts
  return failure(typeof told === "string" ? told : sentenceFor(reply.status), {
    retryAfterS: reply.headers.has("Retry-After") ? Number(reply.headers.get("Retry-After")) || 1 : null,
    canRetry: reply.status === 429 || reply.status >= 500,
    isAway: [429, 502, 503, 504].includes(reply.status),
  });
}

function failure(message, { canRetry = false, isAway = false, retryAfterS = null } = {}) {
  return { ok: false, message, canRetry, isAway, retryAfterS };
}

/** The connection broke. Is it the service, or only what was sent? It is asked something small. */
async function noAnswer() {
  try {
    if ((await fetch("v2/health/live", { redirect: "error" })).ok) {
      return failure("The connection broke while this was sent; it may be too large.", { canRetry: true });
    }
  } catch {
    // it is the service
  }
  const sentence = navigator.onLine ? "The service does not answer." : "You are offline.";
  return failure(sentence, { canRetry: true, isAway: true });
}

/** For answers that are not the service's own, but of what stands before it. */
function sentenceFor(status) {
  if (status === 401 || status === 403) return "You may not use this service; reload the page to sign in.";
  if (status === 413) return "The file is too large to be sent; choose a smaller one.";
  return `The service answered with an error (${status}); try again later.`;
}

function typeOf(file) {
  return file.type.startsWith("image/") ? file.type : "application/octet-stream";
}

/** A header that names a file (RFC 6266, RFC 8187). */
function disposition(name) {
  const whole = name.toWellFormed?.() ?? name;
  const encoded = encodeURIComponent(whole.length > 250 ? whole.slice(-250).toWellFormed?.() ?? "picture" : whole);
  return `attachment; filename*=UTF-8''${encoded.replace(/['()*]/g, (one) => `%${one.charCodeAt(0).toString(16)}`)}`;
}

function newKey() {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

const asJson = { "Content-Type": "application/json" };
const toBlob = (reply) => reply.blob();
