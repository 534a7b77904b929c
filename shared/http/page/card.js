// Draw a picture's card.

const CANDIDATES_SHOWN = 3;
const LONGEST_NAME = 22;
const END_OF_NAME = 10;

function draw(entry) {
  const { card, state, answer, labelled, thumbnail } = entry;
  const part = (name) => card.querySelector(name);
  card.dataset.state = state;
  card.dataset.review = needsReview(entry);
  card.dataset.labelled = Boolean(labelled);
  card.setAttribute("aria-busy", state === "sending");
  drawName(part(".name"), entry);
  part(".look").setAttribute("aria-label", `Look at ${entry.name}`);
  part(".note").textContent = state === "waiting" ? "Waiting" : entry.note;
  part(".again").hidden = !(state === "failed" && entry.canRetry);
  part("img").hidden = !thumbnail;
  if (thumbnail && part("img").src !== thumbnail) part("img").src = thumbnail;
  part(".placeholder span").textContent = entry.hasNoPreview ? "No preview" : "";
  drawChip(part(".chip"), entry);
  part(".ask").hidden = !(entry.file && state === "done");
  part(".ask").setAttribute("aria-label", `Why? ${entry.name}`);
  part(".correct").hidden = !(answer?.recorded && state === "done");
  part(".correct").textContent = invitationToLabel(entry);
  part(".correct").setAttribute("aria-label", `${invitationToLabel(entry)} the label of ${entry.name}`);
  if (entry.drawn !== verdictKey(entry)) drawVerdict(part(".verdict"), entry, CANDIDATES_SHOWN);
  entry.drawn = verdictKey(entry);
  if (viewed === entry) drawViewer();
  drawStatus();
}

function verdictKey({ state, labelled, isByOthers }) {
  return `${state} ${labelled} ${isByOthers}`;
}

/** Draw the name on one line. The middle of a long name is cut, because replicates differ at the end. */
function drawName(heading, entry) {
  if (heading.title === entry.name) return;
  heading.title = entry.name;
  const letters = Array.from(shortName(entry));
  if (letters.length <= LONGEST_NAME) return void (heading.textContent = letters.join(""));
  heading.setAttribute("aria-label", entry.name);
  const [start, end] = [document.createElement("bdi"), document.createElement("bdi")];
  start.textContent = letters.slice(0, -END_OF_NAME).join("");
  end.textContent = letters.slice(-END_OF_NAME).join("");
  heading.replaceChildren(start, end);
}

function drawChip(chip, entry) {
  chip.hidden = !(entry.labelled || needsReview(entry));
  chip.dataset.kind = entry.labelled ? "labelled" : "review";
  chip.textContent = entry.labelled ? (entry.isByOthers ? "Labelled" : "Labelled by you") : inShort(entry.answer);
  chip.title = needsReview(entry) ? whyReview(entry.answer, entry.model) : "";
}

function invitationToLabel(entry) {
  if (entry.labelled) return "Change";
  return needsReview(entry) ? "Confirm or correct" : "Correct";
}

/**
 * Draw the final label, the candidates and the reason for review. A person's label comes first, and the model's label is
 * struck through if it differs.
 */
function drawVerdict(verdict, { answer, labelled, state, model, isByOthers }, most) {
  verdict.replaceChildren(document.querySelector("#verdict").content.cloneNode(true));
  if (state !== "done") return verdict.replaceChildren();
  const part = (name) => verdict.querySelector(name);
  verdict.dataset.labelled = Boolean(labelled);
  verdict.dataset.corrected = Boolean(labelled && labelled !== answer.label);
  part(".final").hidden = !labelled;
  part(".final b").textContent = labelText(labelled ?? "");
  const labeller = isByOthers ? "a person" : "you";
  part(".final span").textContent = labelled === answer.label ? `as ${labeller} confirmed` : `by ${labeller}`;
  part(".bars").replaceChildren(...answer.candidates.slice(0, most).map((candidate, index) => newBar(candidate, index, labelled)));
  part(".reason").hidden = !needsReview({ answer, labelled });
  part(".reason").textContent = whyReview(answer, model);
}

function newBar({ label, score }, index, labelled) {
  const bar = document.querySelector("#bar").content.cloneNode(true).firstElementChild;
  const isOverruled = index === 0 && labelled && labelled !== label;
  const text = document.createElement(isOverruled ? "s" : "span");
  text.textContent = label;
  bar.querySelector(".label").append(text);
  bar.querySelector(".score").textContent = percent(score);
  bar.style.setProperty("--score", score);
  return bar;
}

function inShort(answer) {
  return answer?.needs_review ? "Needs review" : "Unfamiliar";
}

function whyReview(answer, model) {
  const unfamiliar = answer.is_unfamiliar ? "Unfamiliar: unlike the pictures that this model learned from." : "";
  return [answer.needs_review ? lowScore(answer, model) : "", unfamiliar].filter(Boolean).join(" ");
}

function lowScore(answer, model) {
  const option = Array.from(modelChoice.options).find(
    ({ value, dataset }) => (value === model || value === answer.model.name) && dataset.version === answer.model.version,
  );
  const score = percent(answer.score);
  if (!option) return `Needs review: ${score} is below this model's threshold.`;
  return `Needs review: ${score} is below this model's threshold of ${Number((option.dataset.reviewBelow * 100).toFixed(2))} %.`;
}

/** Return a label as the page shows it. */
function labelText(label) {
  return label === NONE_OF_THESE ? "none of these" : label;
}
