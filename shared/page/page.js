// Pictures in, cards out. Every text of a person, a file or the service becomes text of the page, never HTML.

const MOST_IN_FLIGHT = 2;
const MOST_KEPT = 24;
const LONGEST_WAIT_S = 60;
const THUMBNAIL_PX = 720;
const CANDIDATES_SHOWN = 3;
const KEPT_AS = "bucketlens.results";

const page = document.body;
const list = document.querySelector("#cards");
const files = document.querySelector("#files");
const photo = document.querySelector("#photo");

/**
 * The cards, newest first, and what each shows: {name, file, key, state, note, thumbnail, answer, label, why, card}.
 * The state is waiting, sending, pausing, done or failed; label is what a person said it is; file and key are of
 * pictures that were not restored; why is a heat map, {url, isShown, isAsked, problem}.
 */
let entries = [];
const waiting = [];
let inFlight = 0;
let lastThumbnail = Promise.resolve();

// ---- Pictures come in: chosen, photographed, dropped, pasted

for (const input of [files, photo]) {
  input.addEventListener("change", () => {
    take(input.files);
    input.value = ""; // the same file may be chosen again
  });
}

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  page.classList.add("is-dragging");
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) page.classList.remove("is-dragging");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  page.classList.remove("is-dragging");
  take(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) take(event.clipboardData.files);
});

function take(given) {
  if (!given.length) return say("There was no file in that.");
  const batch = Array.from(given, (file) => newEntry({ name: file.name, file, key: newKey(), state: "waiting" }));
  entries = [...batch, ...entries];
  list.prepend(...batch.map((entry) => entry.card));
  for (const entry of batch) {
    draw(entry);
    lastThumbnail = lastThumbnail // one at a time: a photograph is large, decoded
      .then(() => addThumbnail(entry))
      .catch(() => change(entry, { hasNoPreview: true }));
  }
  say(batch.length === 1 ? `${batch[0].name} is sent.` : `${batch.length} pictures are sent.`);
  queue(...batch);
}

// ---- Each is sent in its turn

function queue(...batch) {
  waiting.push(...batch);
  while (inFlight < MOST_IN_FLIGHT && waiting.length) {
    inFlight += 1;
    classify(waiting.shift()).finally(() => {
      inFlight -= 1;
      queue();
    });
  }
}

async function classify(entry) {
  const looking = { state: "sending", note: "Looking…" };
  change(entry, looking);
  const reply = await twice(() => send(entry), {
    onPause: (seconds) =>
      change(entry, { state: "pausing", note: `The service is busy. Trying again in ${seconds} s…` }),
    onResume: () => change(entry, looking),
  });
  if (!reply.ok) {
    change(entry, { state: "failed", note: reply.message, canRetry: reply.canRetry });
    return say(`${entry.name}: ${reply.message}`);
  }
  change(entry, { state: "done", note: "", answer: reply.body });
  keep();
  const review = reply.body.needs_review ? ", needs review" : "";
  say(`${entry.name}: ${reply.body.label}, ${percent(reply.body.score)}${review}.`);
}

/** Ask, and where the service says when to come back, once more. The key in it makes both the same call. */
async function twice(asking, { onPause = () => {}, onResume = () => {} } = {}) {
  const first = await asking();
  if (first.ok || first.retryAfterS === null || first.retryAfterS > LONGEST_WAIT_S) return first;
  onPause(first.retryAfterS);
  await new Promise((resolve) => setTimeout(resolve, first.retryAfterS * 1000));
  onResume();
  return asking();
}

async function send({ file, key }) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    return failure("This cannot be read; if it is a folder, choose the pictures in it.");
  }
  return ask("v1/classify", file, { "Content-Type": typeOf(file), "Idempotency-Key": key });
}

function typeOf(file) {
  return file.type.startsWith("image/") ? file.type : "application/octet-stream";
}

/** POST; returns {ok: true, body} or {ok: false, message, canRetry, retryAfterS}. Never throws. */
async function ask(path, body, headers, read = (reply) => reply.json()) {
  let reply;
  try {
    // Told that a script asks, Identity-Aware Proxy answers 401 to who is signed out, and sends nobody elsewhere
    // (https://cloud.google.com/iap/docs/sessions-howto).
    headers = { ...headers, "X-Requested-With": "XMLHttpRequest" };
    reply = await fetch(path, { method: "POST", body, headers, redirect: "error" });
  } catch {
    const offline = "You are offline; try again when there is a connection.";
    const silent = "The service did not take it: the connection broke, the file is too large, or you are signed out.";
    return failure(navigator.onLine ? silent : offline, { canRetry: true });
  }
  const content = await (reply.ok ? read(reply) : reply.json()).catch(() => null);
  if (reply.ok && content) return { ok: true, body: content };
  const retryAfterS = reply.headers.has("Retry-After") ? Number(reply.headers.get("Retry-After")) || 1 : null;
  const told = content?.error?.message ?? content?.error; // ours, or KServe's, whose errors are texts
  const message = typeof told === "string" ? told : sentenceFor(reply.status);
  return failure(message, { retryAfterS, canRetry: reply.status === 429 || reply.status >= 500 });
}

function failure(message, { canRetry = false, retryAfterS = null } = {}) {
  return { ok: false, message, canRetry, retryAfterS };
}

/** For answers that are not the service's own, but of what stands before it. */
function sentenceFor(status) {
  if (status === 401 || status === 403) return "You may not use this service; reload the page to sign in.";
  if (status === 413) return "The file is too large to be sent; choose a smaller one.";
  return `The service answered with an error (${status}); try again later.`;
}

// ---- A person corrects a label

async function correct(entry, label) {
  if (entry.isCorrecting) return;
  entry.isCorrecting = true;
  const { prediction_id, label_token } = entry.answer;
  const path = `v1/predictions/${encodeURIComponent(prediction_id)}:label`;
  const headers = { "Content-Type": "application/json", "Idempotency-Key": newKey() };
  const reply = await twice(() => ask(path, JSON.stringify({ label, label_token }), headers));
  change(entry, reply.ok ? { label, problem: "" } : { problem: reply.message });
  entry.isCorrecting = false;
  say(reply.ok ? `${entry.name} is labelled ${label} by you.` : reply.message);
  if (!reply.ok) return;
  keep();
  const details = entry.card.querySelector("details");
  details.open = false;
  details.querySelector("summary").focus();
}

// ---- What is shown

function newEntry(facts) {
  const card = document.querySelector("#card").content.cloneNode(true).firstElementChild;
  const entry = { note: "", ...facts, card };
  card.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    correct(entry, event.target.elements.label.value);
  });
  card.querySelector(".why button").addEventListener("click", () => toggleWhy(entry));
  card.querySelector(".again").addEventListener("click", () => {
    card.querySelector(".name").focus(); // the button goes away
    change(entry, { state: "waiting", note: "" });
    queue(entry);
  });
  return entry;
}

function change(entry, facts) {
  const wasDone = entry.state === "done";
  Object.assign(entry, facts);
  draw(entry);
  if (entry.state === "done" && !wasDone) drawAnswer(entry);
}

function draw(entry) {
  const { card, state, answer, label, thumbnail, why } = entry;
  const part = (name) => card.querySelector(name);
  card.dataset.state = state;
  card.setAttribute("aria-busy", ["sending", "pausing"].includes(state));
  part(".name").textContent = entry.name;
  part(".note").textContent = state === "waiting" ? "Waiting" : entry.note;
  part(".again").hidden = !(state === "failed" && entry.canRetry);
  const picture = why?.isShown ? why.url : thumbnail;
  part("img").hidden = !picture;
  if (picture && part("img").src !== picture) part("img").src = picture;
  part("img").alt = why?.isShown ? `Heat map over ${entry.name}: where the model sees ${answer.label}` : "";
  drawWhy(entry, part);
  part(".placeholder span").textContent = entry.hasNoPreview ? "No preview" : "";
  part(".chip").hidden = !(label || answer?.needs_review);
  part(".chip").dataset.kind = label ? "labelled" : "review";
  part(".chip").textContent = label ? `Labelled ${label}` : "Needs review";
  part("summary").textContent = invitationToCorrect(entry);
  part(".correction .problem").hidden = !entry.problem;
  part(".correction .problem").textContent = entry.problem ?? "";
  drawTally();
}

function invitationToCorrect({ answer, label }) {
  if (label) return "Change the label";
  return answer?.needs_review ? "Confirm or correct the label" : "Correct the label";
}

function drawAnswer({ card, name, answer, label }) {
  const { candidates, image, times } = answer;
  const part = (selector) => card.querySelector(selector);
  part(".bars").replaceChildren(...candidates.slice(0, CANDIDATES_SHOWN).map(newBar));
  part(".shape").textContent = `${image.width_px} × ${image.height_px} ${image.format.toUpperCase()}`;
  part(".times").textContent = `${milliseconds(times.total_ms)} ms`;
  part(".times").title = `Decode ${milliseconds(times.decode_ms)} ms, classify ${milliseconds(times.classify_ms)} ms`;
  const labels = candidates.map((candidate) => candidate.label);
  part("select").replaceChildren(...labels.map((each) => new Option(each, each, false, each === (label ?? labels[0]))));
  part("select").setAttribute("aria-label", `What ${name} shows`);
  part(".correction").hidden = !answer.recorded;
}

function newBar({ label, score }) {
  const bar = document.querySelector("#bar").content.cloneNode(true).firstElementChild;
  bar.querySelector(".label").textContent = label;
  bar.querySelector(".score").textContent = percent(score);
  bar.style.setProperty("--score", score);
  return bar;
}

function drawTally() {
  const review = entries.filter((entry) => entry.answer?.needs_review && !entry.label).length;
  const pictures = entries.length === 1 ? "1 picture" : `${entries.length} pictures`;
  page.classList.toggle("is-filled", entries.length > 0);
  document.querySelector(".tally").hidden = !entries.length;
  document.querySelector("#tally").textContent = review ? `${pictures}, ${review} to review` : pictures;
}

/** A score is never rounded to a certainty that the model did not claim. */
function percent(score) {
  if (score < 0.001) return "< 0.1 %";
  if (score > 0.999 && score < 1) return "> 99.9 %";
  return `${(score * 100).toFixed(1)} %`;
}

function milliseconds(ms = 0) {
  return ms < 10 ? ms.toFixed(1) : ms.toFixed(0);
}

/** Tell a screen reader; the log keeps few lines, each is read once. */
function say(sentence) {
  const line = document.createElement("p");
  line.textContent = sentence;
  const log = document.querySelector("#said");
  log.append(line);
  if (log.childElementCount > 8) log.firstElementChild.remove();
}

/** Make a small copy to show and to keep; rejects where the browser does not know the format. */
async function addThumbnail(entry) {
  const bitmap = await createImageBitmap(entry.file);
  const scale = Math.min(1, THUMBNAIL_PX / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white"; // behind transparency: JPEG has none
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  change(entry, { thumbnail: canvas.toDataURL("image/jpeg", 0.82) });
  keep();
}

// ---- What is kept: in sessionStorage, so that a reload loses nothing and a closed tab leaves nothing

function keep() {
  const done = entries.filter((entry) => entry.state === "done").slice(0, MOST_KEPT);
  const kept = done.map(({ name, thumbnail, answer, label }) => ({ name, thumbnail, answer, label }));
  while (!stored(JSON.stringify(kept)) && kept.length) kept.pop(); // full: with one picture less
}

/** Whether the text is kept; a browser may have no room for it, or be told to keep nothing. */
function stored(text) {
  try {
    sessionStorage.setItem(KEPT_AS, text);
    return true;
  } catch {
    return false;
  }
}

function restore() {
  try {
    entries = JSON.parse(sessionStorage.getItem(KEPT_AS) ?? "[]").map((facts) => newEntry(facts));
    for (const entry of entries) change(entry, { state: "done", hasNoPreview: !entry.thumbnail });
  } catch {
    entries = []; // nothing may be kept here, or another revision kept it
  }
  list.append(...entries.map((entry) => entry.card));
  drawTally();
}

document.querySelector("#clear").addEventListener("click", () => {
  waiting.length = 0;
  for (const { why } of entries) if (why?.url) URL.revokeObjectURL(why.url);
  entries = [];
  list.replaceChildren();
  stored("[]");
  drawTally();
  say("The list is empty.");
  files.focus();
});

function newKey() {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

restore();
