// Restore the list after a reload. On a local cloud, the pictures come from the warehouse. Elsewhere the service is not
// allowed to read rows, and this browser keeps the list (IndexedDB) until the user clears it.

const MOST_KEPT = 500;
const CLEARED_KEY = "bucketlens.cleared";
let before = null; // the next page of the warehouse has pictures from before this time
let opened = null;

// ---- In the browser

/** Return the database, or null in a browser that keeps nothing. */
function database() {
  opened ??= new Promise((resolve) => {
    const request = indexedDB.open("bucketlens", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("pictures", { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = request.onblocked = () => resolve(null);
  }).catch(() => null);
  return opened;
}

/** Run a request on the kept pictures; returns its result, or null. */
async function withKept(mode, work) {
  const kept = SHOWS_WAREHOUSE ? null : await database();
  if (!kept) return null;
  return new Promise((resolve) => {
    const transaction = kept.transaction("pictures", mode);
    const request = work(transaction.objectStore("pictures"));
    transaction.oncomplete = () => resolve(request?.result ?? null);
    transaction.onerror = transaction.onabort = () => resolve(null); // the disk is full, or the browser keeps nothing
  });
}

/** Keep an answered picture, or its new label or thumbnail. */
function remember(entry) {
  const { at, name, answer, labelled, model, thumbnailBlob, state } = entry;
  if (state !== "done" || !entries.includes(entry)) return;
  const kept = { id: answer.prediction_id, at, name, answer, labelled, model, thumbnailBlob };
  withKept("readwrite", (pictures) => pictures.put(kept));
}

async function restoreFromBrowser() {
  const kept = ((await withKept("readonly", (pictures) => pictures.getAll())) ?? []).sort((first, second) => second.at - first.at);
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

/**
 * Show the warehouse's newest pictures, or the page of pictures before those shown. Pictures from before the list was
 * cleared are only shown on request.
 */
async function showFromWarehouse({ isRequested = false } = {}) {
  const button = document.querySelector("#earlier");
  button.disabled = true;
  const reply = await callService(before ? `v1/history?before=${encodeURIComponent(before)}` : "v1/history");
  button.disabled = false;
  if (!reply.ok) return showNotice(`Earlier pictures cannot be shown: ${reply.message}`);
  before = reply.body.before;
  const known = new Set(entries.map(({ answer }) => answer?.prediction_id));
  const cleared = isRequested ? "" : stored(CLEARED_KEY);
  const unknown = reply.body.pictures.filter(({ answer }) => !known.has(answer.prediction_id));
  const fresh = unknown.filter(({ uploaded_at }) => Date.parse(uploaded_at) > (Date.parse(cleared) || 0));
  const restored = fresh.map(({ name, uri, labelled, answer }) =>
    newEntry({ name: name ?? `${answer.image.sha256.slice(0, 12)}`, uri, labelled, isByOthers: true, answer, model: answer.model.name, state: "done" }),
  );
  if (fresh.length < unknown.length) before = fresh.length ? reply.body.pictures[fresh.length - 1].uploaded_at : null;
  button.hidden = !(reply.body.before || fresh.length < unknown.length);
  add(restored, { atEnd: true });
  for (const { card } of restored) comesIntoView.observe(card);
}

// ---- Both

/** Return a short text that this browser keeps under a name; empty if it keeps none. */
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
    // a browser that keeps nothing: the choice lasts until the page is closed
  }
}

function restore() {
  return SHOWS_WAREHOUSE ? showFromWarehouse() : restoreFromBrowser();
}

/** Clear the list, also what the browser keeps; this can be undone until the next picture is added. */
function clearAll() {
  const unsent = waiting.splice(0);
  const removed = empty();
  batchSize = 0;
  const clearedBefore = stored(CLEARED_KEY);
  if (SHOWS_WAREHOUSE) store(CLEARED_KEY, new Date().toISOString());
  else withKept("readwrite", (pictures) => pictures.clear());
  const undo = () => {
    hideBanner();
    store(CLEARED_KEY, clearedBefore);
    add(removed, { atEnd: true });
    removed.forEach(remember);
    enqueue(unsent);
    document.querySelector("#clear").focus();
    releaseCleared = null;
  };
  releaseCleared = () => removed.forEach(release);
  showBanner(() => `${pictures(removed.length)} removed from the list.`, "Undo", undo);
  announce("The list is empty.");
}

let releaseCleared = null;

/** End the offer to undo a clearing, and release the memory of the cleared pictures. */
function hideUndo() {
  if (!releaseCleared) return;
  releaseCleared();
  releaseCleared = null;
  hideBanner();
}

function release({ thumbnail, heat }) {
  for (const url of [thumbnail, heat?.url]) if (url) URL.revokeObjectURL(url);
}
