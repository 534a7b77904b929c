// The list: what is known of each picture. Every text of a person, a file or the service becomes text of the page,
// never HTML.

const page = document.body;
const list = document.querySelector("#cards");
const SHOWS_WAREHOUSE = page.dataset.history === "warehouse";
const MANY = 12;

/**
 * The pictures, newest first: {name, file, key, state, note, canRetry, tries, thumbnail, answer, labelled, model, uri,
 * heat, at, isByOthers, card}. The state is waiting, sending, done or failed. `labelled` is what a person said it is,
 * maybe another person than this one. `file` and `key` are of pictures of this visit, `uri` of those that the warehouse told of. `thumbnail` is a blob's URL. `at` orders
 * what this browser keeps.
 */
let entries = [];

function newEntry(facts) {
  const card = document.querySelector("#card").content.cloneNode(true).firstElementChild;
  const entry = { note: "", tries: 0, ...facts, card };
  card.querySelector(".look").addEventListener("click", () => openViewer(entry));
  card.querySelector(".correct").addEventListener("click", () => openViewer(entry, { toLabel: true }));
  card.querySelector(".ask").addEventListener("click", () => openViewer(entry, { toExplain: true }));
  card.querySelector(".again").addEventListener("click", () => {
    card.querySelector(".name").focus(); // the button goes away
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

/** Learn something of a picture, and show it. */
function change(entry, facts) {
  Object.assign(entry, facts);
  draw(entry);
}

/** Take everything out of the list. Returns what was in it. */
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

/** The picture's last part: what people call its name. `name` may have folders before it. */
function shortName({ name }) {
  return name.split("/").at(-1) || name;
}

/** Tell a screen reader; the log keeps few lines, each is read once. */
function say(sentence) {
  const line = document.createElement("p");
  line.textContent = sentence;
  const log = document.querySelector("#said");
  log.append(line);
  if (log.childElementCount > 8) log.firstElementChild.remove();
}

/** A score is never rounded to a certainty that the model did not claim. */
function percent(score) {
  if (score < 0.001) return "< 0.1 %";
  if (score > 0.999 && score < 1) return "> 99.9 %";
  return `${(score * 100).toFixed(1)} %`;
}

function pictures(number) {
  return number === 1 ? "1 picture" : `${number.toLocaleString("en")} pictures`;
}
