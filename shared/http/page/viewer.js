// The viewer: one picture at full size, with its facts and the buttons to label and explain it. The arrow keys show the
// previous and the next picture, digits label it, and Escape closes the viewer and returns the focus to the card.

const viewer = document.querySelector("#viewer");
const viewerPart = (name) => viewer.querySelector(name);
let viewed = null;
let wholeUrl = null;

function openViewer(entry, { toLabel = false, toExplain = false } = {}) {
  if (!viewer.open) viewer.showModal();
  view(entry);
  const target = toLabel ? ".choices button" : toExplain ? ".why button" : ".name";
  viewerPart(target)?.focus();
  if (toExplain && !entry.heat?.isShown) toggleHeatmap(entry);
}

function view(entry) {
  viewed = entry;
  releaseWhole();
  viewerPart(".choices").replaceChildren(...(entry.answer ? newChoices(entry) : []));
  viewerPart(".labels input").value = "";
  viewerPart(".caution").textContent = document.querySelector(`.limits[data-of="${CSS.escape(entry.model ?? "")}"] summary`)?.textContent ?? "";
  drawViewer();
  wholePicture(entry).then((blob) => {
    if (viewed !== entry || !blob) return;
    wholeUrl = URL.createObjectURL(blob);
    drawViewer();
  });
}

function drawViewer() {
  const { name, state, note, answer, labelled, problem, heat = {} } = viewed;
  const picture = heat.isShown ? heat.url : (wholeUrl ?? viewed.thumbnail);
  const image = viewerPart(".stage img");
  image.hidden = !picture;
  if (picture && image.src !== picture) image.src = picture;
  image.alt = heat.isShown ? `Heatmap over ${name}: where the model sees ${answer.label}` : name;
  viewerPart(".placeholder span").textContent = viewed.hasNoPreview ? "No preview" : "";
  drawWholeName(viewerPart(".name"), name);
  viewerPart(".note").textContent = state === "waiting" ? "Waiting" : note;
  viewerPart(".note").dataset.state = state;
  drawVerdict(viewerPart(".verdict"), viewed, MOST_CHOICES);
  drawWhy(viewed);
  viewerPart(".labels").hidden = !(state === "done" && answer.recorded);
  for (const choice of viewer.querySelectorAll(".choice")) choice.ariaPressed = String(choice.value === labelled);
  viewerPart(".labels .problem").hidden = !problem;
  viewerPart(".labels .problem").textContent = problem ?? "";
  viewerPart(".caution").hidden = !viewerPart(".caution").textContent;
  viewerPart(".facts").textContent = answer ? factsText(answer) : "";
  const position = shownEntries().indexOf(viewed);
  viewerPart(".position").textContent = position < 0 ? "" : `${position + 1} of ${shownEntries().length}`;
  viewerPart("#previous").disabled = neighbour(-1) === undefined;
  viewerPart("#next").disabled = neighbour(1) === undefined;
}

function drawWholeName(heading, name) {
  const text = document.createElement("bdi");
  text.textContent = name;
  heading.replaceChildren(text);
}

function factsText({ image, times, model }) {
  const size = `${image.width_px} × ${image.height_px} ${image.format.toUpperCase()}`;
  return `${size} · ${milliseconds(times.total_ms)} ms · ${model.name} ${model.version}`;
}

function milliseconds(ms = 0) {
  return ms < 10 ? ms.toFixed(1) : ms.toFixed(0);
}

function shownEntries() {
  return entries.filter(FILTERS[filter].holds);
}

/** Return the next picture of the filter in a direction, also from a picture that the filter no longer shows. */
function neighbour(step) {
  for (let index = entries.indexOf(viewed) + step; entries[index]; index += step) {
    if (FILTERS[filter].holds(entries[index])) return entries[index];
  }
  return undefined;
}

function turnTo(step) {
  const other = neighbour(step);
  if (!other) return;
  const hadFocus = document.activeElement;
  view(other);
  if (!hadFocus?.isConnected || hadFocus.disabled) viewerPart(".name").focus();
  announce(`${other.name}${other.answer ? `: ${labelText(other.labelled ?? other.answer.label)}` : ""}`);
}

function releaseWhole() {
  if (wholeUrl) URL.revokeObjectURL(wholeUrl);
  wholeUrl = null;
}

viewer.addEventListener("close", () => {
  const { card } = viewed;
  viewed = null;
  releaseWhole();
  viewerPart(".stage img").removeAttribute("src");
  focusCard(card);
});

/** Focus a card, or the filter if it hides the card. */
function focusCard(card) {
  const isShown = card.isConnected && card.checkVisibility();
  (isShown ? card.querySelector(".look") : document.querySelector('.filters [aria-pressed="true"]')).focus();
}
viewer.addEventListener("click", (event) => {
  if (event.target === viewer || event.target.matches(".stage")) viewer.close(); // a click next to the picture
});
viewer.addEventListener("keydown", (event) => {
  if (event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "ArrowLeft") turnTo(-1);
  else if (event.key === "ArrowRight") turnTo(1);
  else if (/^[0-9]$/.test(event.key)) viewer.querySelectorAll(".choice")[choiceOf(event.key)]?.click();
  else return;
  event.preventDefault();
});

function choiceOf(key) {
  return key === "0" ? viewer.querySelectorAll(".choice").length - 1 : Number(key) - 1;
}

viewerPart(".close").addEventListener("click", () => viewer.close());
viewerPart("#previous").addEventListener("click", () => turnTo(-1));
viewerPart("#next").addEventListener("click", () => turnTo(1));
viewerPart(".why button").addEventListener("click", () => toggleHeatmap(viewed));
viewerPart(".labels").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = event.target.elements.label;
  if (await recordLabel(viewed, field.value.trim())) field.value = "";
});
