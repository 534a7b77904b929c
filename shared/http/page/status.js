// The status line of the list, the filters, and the banner.

const FILTERS = {
  all: { holds: () => true, emptyText: "" },
  review: { holds: needsReview, emptyText: "No picture needs review." },
  failed: { holds: ({ state }) => state === "failed", emptyText: "No picture failed." },
  labelled: { holds: ({ labelled }) => Boolean(labelled), emptyText: "No picture is labelled by a person yet." },
};
const filters = document.querySelectorAll(".filters button");
const banner = document.querySelector("#banner");
let filter = "all";
let isStatusDue = false;
let bannerText = null;
let bannerAction = null;

/** Draw the status once after all changes of this turn, because many pictures change together. */
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
  document.querySelector("#status").textContent = statusText();
  const progress = document.querySelector("#progress");
  progress.hidden = !pending;
  progress.max = sent.length || 1;
  progress.value = sent.length - pending;
  document.querySelector("#retry").hidden = !entries.some(({ state, canRetry }) => state === "failed" && canRetry);
  for (const button of filters) {
    button.querySelector("span").textContent = entries.filter(FILTERS[button.dataset.filter].holds).length;
  }
  const isEmptyView = entries.length > 0 && !entries.some(FILTERS[filter].holds);
  document.querySelector("#nothing").hidden = !isEmptyView;
  document.querySelector("#nothing").textContent = isEmptyView ? FILTERS[filter].emptyText : "";
  showModels();
  if (bannerText) banner.querySelector("span").textContent = bannerText();
}

/** Return the status as a text, as in: 312 of 500, 41 to review, 3 failed. */
function statusText() {
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

/** Show a sentence in the banner, with a button for the action that helps. `sentence` is a function: it is read again at each change. */
function showBanner(sentence, action, onAction) {
  const isNew = !bannerText;
  bannerText = sentence;
  bannerAction = onAction;
  banner.hidden = false;
  banner.querySelector("span").textContent = sentence();
  banner.querySelector("button").textContent = action;
  if (isNew) announce(sentence());
}

function showNotice(sentence) {
  showBanner(() => sentence, "Close", hideBanner);
}

function hideBanner() {
  banner.hidden = true;
  bannerText = bannerAction = null;
}
