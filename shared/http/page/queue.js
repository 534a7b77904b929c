// Send the pictures in order. If the service does not answer, all of them wait, and the first one is sent again.

const MOST_IN_FLIGHT = 2;
const MOST_TRIES = 5;
const FIRST_PAUSE_S = 1;
const LONGEST_PAUSE_S = 60;
const MOST_ANNOUNCED = 12;

let waiting = [];
let inFlight = 0;
let pauses = 0; // since the last answer
let pauseTimer = null; // null: not paused
let batchSize = 0;

function enqueue(batch) {
  waiting.push(...batch);
  batchSize += batch.length;
  sendNext();
}

function sendNext() {
  const most = pauses ? 1 : MOST_IN_FLIGHT; // after a pause, one picture tries first
  while (!pauseTimer && inFlight < most && waiting.length) {
    const entry = waiting.shift();
    if (!isPending(entry)) continue;
    inFlight += 1;
    classify(entry).finally(() => {
      inFlight -= 1;
      sendNext();
      if (!inFlight && !waiting.length) announceAll();
    });
  }
}

async function classify(entry) {
  change(entry, { state: "sending", note: "Looking…" });
  const reply = await send(entry);
  if (!reply.isUnavailable) endPauses();
  if (!reply.ok && reply.isUnavailable && ++entry.tries < MOST_TRIES) {
    change(entry, { state: "waiting", note: "" });
    waiting.push(entry); // last, in case the fault is in this picture
    return pause(reply);
  }
  if (!reply.ok) {
    change(entry, { state: "failed", note: reply.message, canRetry: reply.canRetry });
    if (reply.isUnavailable) pause(reply);
    return announce(`${entry.name}: ${reply.message}`);
  }
  change(entry, { state: "done", note: "", answer: reply.body });
  remember(entry);
  if (entry.hasNoPreview) addServerThumbnail(entry);
  if (batchSize > MOST_ANNOUNCED) return;
  const review = needsReview({ answer: reply.body }) ? `, ${inShort(reply.body).toLowerCase()}` : "";
  announce(`${entry.name}: ${reply.body.label}, ${percent(reply.body.score)}${review}.`);
}

async function send({ name, file, key, model }) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    return failure("The file cannot be read any more; choose it again.");
  }
  const headers = { "Content-Type": typeOf(file), "Idempotency-Key": key };
  if (nameSwitch.checked) headers["Content-Disposition"] = disposition(name);
  const path = model === modelChoice.options[0].value ? "v1/classify" : `v1/classify?model=${encodeURIComponent(model)}`;
  return callService(path, { body: file, headers });
}

/** Pause sending for as long as Retry-After requires, and longer after each failure in a row. */
function pause({ message, retryAfterS }) {
  if (pauseTimer) return; // the other request in flight has started the pause
  const seconds = Math.min(LONGEST_PAUSE_S, Math.max(retryAfterS ?? 0, FIRST_PAUSE_S * 2 ** pauses));
  pauses += 1;
  pauseTimer = setTimeout(resume, seconds * 1000);
  showBanner(() => `${message} ${waitingText()} Trying again in ${seconds} s.`, "Retry all", retryAll);
}

function waitingText() {
  const waits = entries.filter(isPending).length;
  return waits ? `${pictures(waits)} ${waits === 1 ? "waits" : "wait"}.` : "";
}

function resume() {
  clearTimeout(pauseTimer);
  pauseTimer = null;
  sendNext();
}

/** End the pauses: the service answers again. */
function endPauses() {
  if (!pauses) return;
  pauses = 0;
  hideBanner();
}

function sendAgain(batch) {
  for (const entry of batch) change(entry, { state: "waiting", note: "", tries: 0 });
  enqueue(batch);
}

/** Send the waiting pictures now, and those whose failure may pass. */
function retryAll() {
  hideBanner();
  pauses = 0;
  resume();
  sendAgain(entries.filter((entry) => entry.state === "failed" && entry.canRetry));
}

/** Announce the results of a large batch to a screen reader, in one sentence. */
function announceAll() {
  if (batchSize > MOST_ANNOUNCED) announce(`All are answered: ${statusText()}.`);
  batchSize = 0;
}
