// One picture, whole and large, and all that is known and can be done about it. Arrows lead to the next one, digits
// label it, Escape closes; the focus then goes back to its card.

const viewer = document.querySelector("#viewer");
const viewerPart = (name) => viewer.querySelector(name);
let viewed = null;
let wholeUrl = null;

function openViewer(entry, { toLabel = false, toExplain = false } = {}) {
  if (!viewer.open) viewer.showModal();
  view(entry);
  const target = toLabel ? ".choices button" : toExplain ? ".why button" : ".name";
  viewerPart(target)?.focus();
  if (toExplain && !entry.heat?.isShown) toggleWhy(entry);
}

function view(entry) {
  viewed = entry;
  forgetWhole();
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
  image.alt = heat.isShown ? `Heat map over ${name}: where the model sees ${answer.label}` : name;
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
  viewerPart(".facts").textContent = answer ? factsInWords(answer) : "";
  const turn = shownEntries().indexOf(viewed);
  viewerPart(".place").textContent = turn < 0 ? "" : `${turn + 1} of ${shownEntries().length}`;
  viewerPart("#previous").disabled = neighbour(-1) === undefined;
  viewerPart("#next").disabled = neighbour(1) === undefined;
}

function drawWholeName(heading, name) {
  const text = document.createElement("bdi");
  text.textContent = name;
  heading.replaceChildren(text);
}

function factsInWords({ image, times, model }) {
  const size = `${image.width_px} × ${image.height_px} ${image.format.toUpperCase()}`;
  return `${size} · ${milliseconds(times.total_ms)} ms · ${model.name} ${model.version}`;
}

function milliseconds(ms = 0) {
  return ms < 10 ? ms.toFixed(1) : ms.toFixed(0);
}

function shownEntries() {
  return entries.filter(FILTERS[filter].holds);
}

/** The picture before or after the one that is looked at; one that left the filter's pictures keeps its place. */
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
  say(`${other.name}${other.answer ? `: ${inWords(other.labelled ?? other.answer.label)}` : ""}`);
}

function forgetWhole() {
  if (wholeUrl) URL.revokeObjectURL(wholeUrl);
  wholeUrl = null;
}

viewer.addEventListener("close", () => {
  const { card } = viewed;
  viewed = null;
  forgetWhole();
  viewerPart(".stage img").removeAttribute("src");
  focusCard(card);
});

/** Give a card the focus, or where the filter has hidden it, the filter. */
function focusCard(card) {
  const isShown = card.isConnected && card.checkVisibility();
  (isShown ? card.querySelector(".look") : document.querySelector('.filters [aria-pressed="true"]')).focus();
}
viewer.addEventListener("click", (event) => {
  if (event.target === viewer || event.target.matches(".stage")) viewer.close(); // beside the picture
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
viewerPart(".why button").addEventListener("click", () => toggleWhy(viewed));
viewerPart(".labels").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = event.target.elements.label;
  if (await giveLabel(viewed, field.value.trim())) field.value = "";
});
