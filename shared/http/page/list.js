// The list of pictures and their state. Texts of users, files and the service are set as text, never as HTML.

const page = document.body;
const list = document.querySelector("#cards");
const SHOWS_WAREHOUSE = page.dataset.history === "warehouse";
const MANY = 12;

/**
 * The pictures, newest first: {name, file, key, state, note, canRetry, tries, thumbnail, answer, labelled, model, uri,
 * heat, at, isByOthers, card}. `state` is waiting, sending, done or failed. `labelled` is the label by a person;
 * `isByOthers` is true if it came from the warehouse, so perhaps from another person. Pictures of this visit have `file`
 * and `key`, pictures from the warehouse have `uri`. `thumbnail` is a blob's URL. `at` orders what this browser keeps.
 */
let entries = [];

function newEntry(facts) {
  const card = document.querySelector("#card").content.cloneNode(true).firstElementChild;
  const entry = { note: "", tries: 0, ...facts, card };
  card.querySelector(".look").addEventListener("click", () => openViewer(entry));
  card.querySelector(".correct").addEventListener("click", () => openViewer(entry, { toLabel: true }));
  card.querySelector(".ask").addEventListener("click", () => openViewer(entry, { toExplain: true }));
  card.querySelector(".again").addEventListener("click", () => {
    card.querySelector(".name").focus(); // the button is about to be hidden
    sendAgain([entry]);
  });
  return entry;
}

/** Put pictures at the beginning of the list, or at its end. */
function add(batch, { atEnd = false } = {}) {
  entries = atEnd ? [...entries, ...batch] : [...batch, ...entries];
  const cards = batch.map((entry) => entry.card);
  if (atEnd) list.append(...cards);
  else list.prepend(...cards);
  for (const entry of batch) draw(entry);
}

/** Change facts of a picture, and draw it again. */
function change(entry, facts) {
  Object.assign(entry, facts);
  draw(entry);
}

/** Remove all pictures from the list, and return them. */
function empty() {
  const before = entries;
  entries = [];
  list.replaceChildren();
  drawStatus();
  return before;
}

function needsReview({ answer, labelled }) {
  return Boolean((answer?.needs_review || answer?.is_unfamiliar) && !labelled);
}

function isPending({ state }) {
  return state === "waiting" || state === "sending";
}

/** Return the last part of a picture's name, without its folders. */
function shortName({ name }) {
  return name.split("/").at(-1) || name;
}

/** Announce a sentence to a screen reader, which reads each new line of the log once; old lines are removed. */
function announce(sentence) {
  const line = document.createElement("p");
  line.textContent = sentence;
  const log = document.querySelector("#announcements");
  log.append(line);
  if (log.childElementCount > 8) log.firstElementChild.remove();
}

/** Return a score as percent; it is never rounded to 0 or 100, which the model did not claim. */
function percent(score) {
  if (score < 0.001) return "< 0.1 %";
  if (score > 0.999 && score < 1) return "> 99.9 %";
  return `${(score * 100).toFixed(1)} %`;
}

function pictures(number) {
  return number === 1 ? "1 picture" : `${number.toLocaleString("en")} pictures`;
}
