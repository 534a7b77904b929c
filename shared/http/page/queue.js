// Each picture is sent in its turn. Where the service is away, all of them wait, and one of them asks again.

const MOST_IN_FLIGHT = 2;
const MOST_TRIES = 5;
const FIRST_PAUSE_S = 1;
const LONGEST_PAUSE_S = 60;
const TELLS_EACH = 12;

let waiting = [];
let inFlight = 0;
let pauses = 0; // in a row
let pausedUntil = null; // a timer
let batchSize = 0;

function queue(batch) {
  waiting.push(...batch);
  batchSize += batch.length;
  sendNext();
}

function sendNext() {
  const most = pauses ? 1 : MOST_IN_FLIGHT; // after a pause one goes ahead
  while (!pausedUntil && inFlight < most && waiting.length) {
    const entry = waiting.shift();
    if (!isPending(entry)) continue;
    inFlight += 1;
    classify(entry).finally(() => {
      inFlight -= 1;
      sendNext();
      if (!inFlight && !waiting.length) tellAll();
    });
  }
}

async function classify(entry) {
  change(entry, { state: "sending", note: "Looking…" });
  const reply = await send(entry);
  if (!reply.isAway) goOn();
  if (!reply.ok && reply.isAway && ++entry.tries < MOST_TRIES) {
    change(entry, { state: "waiting", note: "" });
    waiting.push(entry); // behind the others, lest it is this picture that cannot be taken
    return pause(reply);
  }
  if (!reply.ok) {
    change(entry, { state: "failed", note: reply.message, canRetry: reply.canRetry });
    if (reply.isAway) pause(reply);
    return say(`${entry.name}: ${reply.message}`);
  }
  change(entry, { state: "done", note: "", answer: reply.body });
  remember(entry);
  if (entry.hasNoPreview) addServerThumbnail(entry);
  if (batchSize > TELLS_EACH) return;
  const review = needsReview({ answer: reply.body }) ? `, ${inShort(reply.body).toLowerCase()}` : "";
  say(`${entry.name}: ${reply.body.label}, ${percent(reply.body.score)}${review}.`);
}

async function send({ name, file, key, model }) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    return failure("This cannot be read any more; choose it again.");
  }
  const headers = { "Content-Type": typeOf(file), "Idempotency-Key": key };
  if (nameSwitch.checked) headers["Content-Disposition"] = disposition(name);
  const path = model === modelChoice.options[0].value ? "v1/classify" : `v1/classify?model=${encodeURIComponent(model)}`;
  return ask(path, { body: file, headers });
}

/** Send nothing for a while: as long as the service said, or longer each time. */
function pause({ message, retryAfterS }) {
  if (pausedUntil) return; // the other one that was on its way
  const seconds = Math.min(LONGEST_PAUSE_S, Math.max(retryAfterS ?? 0, FIRST_PAUSE_S * 2 ** pauses));
  pauses += 1;
  pausedUntil = setTimeout(resume, seconds * 1000);
  showBanner(() => `${message} ${waitingInWords()} Trying again in ${seconds} s.`, "Retry all", retryAll);
}

function waitingInWords() {
  const waits = entries.filter(isPending).length;
  return waits ? `${pictures(waits)} ${waits === 1 ? "waits" : "wait"}.` : "";
}

function resume() {
  clearTimeout(pausedUntil);
  pausedUntil = null;
  sendNext();
}

/** The service answers again. */
function goOn() {
  if (!pauses) return;
  pauses = 0;
  hideBanner();
}

function sendAgain(batch) {
  for (const entry of batch) change(entry, { state: "waiting", note: "", tries: 0 });
  queue(batch);
}

/** Send what failed for no fault of its own, and what waits, now. */
function retryAll() {
  hideBanner();
  pauses = 0;
  resume();
  sendAgain(entries.filter((entry) => entry.state === "failed" && entry.canRetry));
}

/** For a screen reader: of many pictures the sum is told, once. */
function tellAll() {
  if (batchSize > TELLS_EACH) say(`All are answered: ${statusInWords()}.`);
  batchSize = 0;
}
