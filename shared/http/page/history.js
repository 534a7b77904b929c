// What is still there after a reload. On a local cloud that is what the warehouse holds. Elsewhere the service may not
// read rows, and the list is kept in this browser (IndexedDB), until it is cleared.

const MOST_KEPT = 500;
const CLEARED_AT = "bucketlens.cleared";
let before = null; // where earlier pictures of the warehouse begin
let opened = null;

// ---- In the browser

/** Returns the database, or null where a browser keeps nothing. */
function database() {
  opened ??= new Promise((resolve) => {
    const request = indexedDB.open("bucketlens", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("pictures", { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = request.onblocked = () => resolve(null);
  }).catch(() => null);
  return opened;
}

/** Do something with the kept pictures; returns what it gave, or null. */
async function withKept(mode, work) {
  const kept = SHOWS_WAREHOUSE ? null : await database();
  if (!kept) return null;
  return new Promise((resolve) => {
    const transaction = kept.transaction("pictures", mode);
    const request = work(transaction.objectStore("pictures"));
    transaction.oncomplete = () => resolve(request?.result ?? null);
    transaction.onerror = transaction.onabort = () => resolve(null); // full, or told to keep nothing
  });
}

/** Keep an answered picture, or what was learnt of it since. */
function remember(entry) {
  const { at, name, answer, labelled, model, thumbnailBlob, state } = entry;
  if (state !== "done" || !entries.includes(entry)) return;
  const kept = { id: answer.prediction_id, at, name, answer, labelled, model, thumbnailBlob };
  withKept("readwrite", (pictures) => pictures.put(kept));
}

async function restoreFromBrowser() {
  const kept = ((await withKept("readonly", (pictures) => pictures.getAll())) ?? []).sort((one, other) => other.at - one.at);
  for (const { id } of kept.slice(MOST_KEPT)) withKept("readwrite", (pictures) => pictures.delete(id));
  const restored = kept.slice(0, MOST_KEPT).map(({ thumbnailBlob, id, ...facts }) =>
    newEntry({
      ...facts,
      thumbnailBlob,
      thumbnail: thumbnailBlob && URL.createObjectURL(thumbnailBlob),
      state: "done",
      hasNoPreview: !thumbnailBlob,
    }),
  );
  add(restored, { atEnd: true });
}

// ---- In the warehouse

/** Show the warehouse's newest pictures, or those before the ones that are shown. */
async function showFromWarehouse({ isAsked = false } = {}) {
  const button = document.querySelector("#earlier");
  button.disabled = true;
  const reply = await ask(before ? `v1/history?before=${encodeURIComponent(before)}` : "v1/history");
  button.disabled = false;
  if (!reply.ok) return showNotice(`What was classified before cannot be shown: ${reply.message}`);
  before = reply.body.before;
  const known = new Set(entries.map(({ answer }) => answer?.prediction_id));
  const cleared = isAsked ? "" : stored(CLEARED_AT);
  const told = reply.body.pictures.filter(({ answer }) => !known.has(answer.prediction_id));
  const fresh = told.filter(({ uploaded_at }) => Date.parse(uploaded_at) > (Date.parse(cleared) || 0));
  const restored = fresh.map(({ name, uri, labelled, answer }) =>
    newEntry({ name: name ?? `${answer.image.sha256.slice(0, 12)}`, uri, labelled, isByOthers: true, answer, model: answer.model.name, state: "done" }),
  );
  if (fresh.length < told.length) before = fresh.length ? reply.body.pictures[fresh.length - 1].uploaded_at : null;
  button.hidden = !(reply.body.before || fresh.length < told.length);
  add(restored, { atEnd: true });
  for (const { card } of restored) comesIntoView.observe(card);
}

// ---- Both

/** A short text that this browser keeps; empty where it keeps none. */
function stored(name) {
  try {
    return localStorage.getItem(name) ?? "";
  } catch {
    return "";
  }
}

function store(name, text) {
  try {
    localStorage.setItem(name, text);
  } catch {
    // then it is not kept
  }
}

function restore() {
  return SHOWS_WAREHOUSE ? showFromWarehouse() : restoreFromBrowser();
}

/** Empty the list for good, which can be undone until the next picture comes. */
function clearAll() {
  const cut = waiting.splice(0);
  const forgotten = empty();
  batchSize = 0;
  const clearedBefore = stored(CLEARED_AT);
  if (SHOWS_WAREHOUSE) store(CLEARED_AT, new Date().toISOString());
  else withKept("readwrite", (pictures) => pictures.clear());
  const undo = () => {
    hideBanner();
    store(CLEARED_AT, clearedBefore);
    add(forgotten, { atEnd: true });
    forgotten.forEach(remember);
    queue(cut);
    document.querySelector("#clear").focus();
    letGoOfCleared = null;
  };
  letGoOfCleared = () => forgotten.forEach(release);
  showBanner(() => `${pictures(forgotten.length)} went from the list.`, "Undo", undo);
  say("The list is empty.");
}

let letGoOfCleared = null;

/** Let go of what was cleared: its pictures' copies. */
function hideUndo() {
  if (!letGoOfCleared) return;
  letGoOfCleared();
  letGoOfCleared = null;
  hideBanner();
}

function release({ thumbnail, heat }) {
  for (const url of [thumbnail, heat?.url]) if (url) URL.revokeObjectURL(url);
}
