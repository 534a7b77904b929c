// Connect the actions of a user to the functions of the other scripts. This script is the last, and it runs at load.

const modelChoice = document.querySelector("#model");
const nameSwitch = document.querySelector("#names");
const NAMES_KEY = "bucketlens.names";

for (const id of ["files", "photo"]) {
  const input = document.querySelector(`#${id}`);
  input.addEventListener("change", () => {
    receiveFiles(Array.from(input.files, (file) => ({ name: file.name, file })));
    input.value = ""; // the same file may be chosen again
  });
}
document.querySelector("#folder").addEventListener("change", ({ target }) => {
  receiveFolder(target.files);
  target.value = "";
});

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  page.classList.add("is-dragging");
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) page.classList.remove("is-dragging");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  page.classList.remove("is-dragging");
  receiveDropped(event.dataTransfer);
});
document.addEventListener("paste", (event) => {
  const { files } = event.clipboardData;
  if (files.length) receiveFiles(Array.from(files, (file) => ({ name: file.name, file })));
});

window.addEventListener("online", () => {
  if (pauses) retryAll();
});
window.addEventListener("beforeunload", (event) => {
  if (entries.some(isPending)) event.preventDefault(); // pictures still wait to be sent
});

for (const button of filters) button.addEventListener("click", () => chooseFilter(button.dataset.filter));
document.querySelector("#retry").addEventListener("click", retryAll);
document.querySelector("#export").addEventListener("click", exportAsCsv);
document.querySelector("#earlier").addEventListener("click", () => showFromWarehouse({ isRequested: true }));
document.querySelector("#clear").addEventListener("click", () => {
  clearAll();
  document.querySelector("#files").focus();
});
banner.querySelector("button").addEventListener("click", () => bannerAction?.());

modelChoice.addEventListener("change", showModels);
/** Show the labels of the chosen model, and the limits of every model that has a picture in the list. */
function showModels() {
  const used = new Set([modelChoice.value]);
  for (const lead of document.querySelectorAll(".lead")) lead.hidden = !used.has(lead.dataset.of);
  for (const { model } of entries) used.add(model);
  for (const limits of document.querySelectorAll(".limits")) limits.hidden = !used.has(limits.dataset.of);
}
const requestedModel = new URLSearchParams(location.search).get("model");
if (Array.from(modelChoice.options).some(({ value }) => value === requestedModel)) modelChoice.value = requestedModel;
showModels();

if (!SHOWS_WAREHOUSE) nameSwitch.checked = stored(NAMES_KEY) === "true";
nameSwitch.addEventListener("change", () => store(NAMES_KEY, String(nameSwitch.checked)));

restore();
