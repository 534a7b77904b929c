// One line on all of it, filters, and what must be told to everybody.

const FILTERS = {
  all: { holds: () => true, nothing: "" },
  review: { holds: needsReview, nothing: "No picture needs review." },
  failed: { holds: ({ state }) => state === "failed", nothing: "No picture failed." },
  labelled: { holds: ({ labelled }) => Boolean(labelled), nothing: "No picture is labelled by a person yet." },
};
const filters = document.querySelectorAll(".filters button");
const banner = document.querySelector("#banner");
let filter = "all";
let isStatusDue = false;
let sayBanner = null;
let onBanner = null;

/** Draw the line soon: many pictures change at once. */
function drawStatus() {
  if (isStatusDue) return;
  isStatusDue = true;
  queueMicrotask(() => {
    isStatusDue = false;
    drawStatusNow();
  });
}

function drawStatusNow() {
  const sent = entries.filter(({ file }) => file);
  const pending = sent.filter(isPending).length;
  page.classList.toggle("is-filled", entries.length > 0);
  page.classList.toggle("is-many", entries.length > MANY);
  document.querySelector("#overview").hidden = !entries.length;
  document.querySelector("#status").textContent = statusInWords();
  const progress = document.querySelector("#progress");
  progress.hidden = !pending;
  progress.max = sent.length || 1;
  progress.value = sent.length - pending;
  document.querySelector("#retry").hidden = !entries.some(({ state, canRetry }) => state === "failed" && canRetry);
  for (const button of filters) {
    button.querySelector("span").textContent = entries.filter(FILTERS[button.dataset.filter].holds).length;
  }
  const isNothing = entries.length > 0 && !entries.some(FILTERS[filter].holds);
  document.querySelector("#nothing").hidden = !isNothing;
  document.querySelector("#nothing").textContent = isNothing ? FILTERS[filter].nothing : "";
  showModels();
  if (sayBanner) banner.querySelector("span").textContent = sayBanner();
}

/** As in: 312 of 500, 41 to review, 3 failed. */
function statusInWords() {
  const sent = entries.filter(({ file }) => file);
  const pending = sent.filter(isPending).length;
  const number = (holds) => entries.filter(holds).length;
  const begins = pending ? `${sent.length - pending} of ${sent.length}` : pictures(entries.length);
  const review = number(FILTERS.review.holds);
  const failed = number(FILTERS.failed.holds);
  return [begins, review && `${review} to review`, failed && `${failed} failed`].filter(Boolean).join(", ");
}

function chooseFilter(name) {
  filter = name;
  list.dataset.filter = name;
  for (const button of filters) button.setAttribute("aria-pressed", button.dataset.filter === name);
  drawStatus();
}

/** Tell everybody one thing, with a button for what can be done. */
function showBanner(sentence, action, onAction) {
  const isNew = !sayBanner;
  sayBanner = sentence;
  onBanner = onAction;
  banner.hidden = false;
  banner.querySelector("span").textContent = sentence();
  banner.querySelector("button").textContent = action;
  if (isNew) say(sentence());
}

function showNotice(sentence) {
  showBanner(() => sentence, "Close", hideBanner);
}

function hideBanner() {
  banner.hidden = true;
  sayBanner = onBanner = null;
}
