// Explain a prediction: the heatmap over the picture.

/** Switch between the heatmap over the picture and the picture; the first time, the service computes the heatmap. */
async function toggleHeatmap(entry) {
  const heat = entry.heat ?? {};
  if (heat.isLoading) return;
  if (heat.url) return changeHeatmap(entry, { isShown: !heat.isShown });
  changeHeatmap(entry, { isLoading: true, problem: "" });
  const path = `v1/models/${encodeURIComponent(entry.model)}:explain?as=png&label=${encodeURIComponent(entry.answer.label)}`;
  const reply = await callService(path, { body: entry.file, headers: { "Content-Type": typeOf(entry.file) }, read: toBlob });
  if (reply.ok) changeHeatmap(entry, { isLoading: false, url: URL.createObjectURL(reply.body), isShown: true });
  else changeHeatmap(entry, { isLoading: false, problem: reply.message });
  announce(reply.ok ? `The heatmap of ${entry.name} is shown.` : reply.message);
}

function changeHeatmap(entry, facts) {
  change(entry, { heat: { ...entry.heat, ...facts } });
}

function drawWhy({ file, state, answer, heat = {} }) {
  const part = (name) => viewer.querySelector(`.why ${name}`);
  viewer.querySelector(".why").hidden = !(state === "done" && file); // a restored card has no picture to send
  part("button").setAttribute("aria-pressed", Boolean(heat.isShown));
  part("button").setAttribute("aria-busy", Boolean(heat.isLoading));
  part(".because").hidden = !(heat.isShown || heat.isLoading);
  part(".because").dataset.kind = heat.isLoading ? "loading" : "shown";
  part(".because").textContent = heat.isLoading ? "Looking…" : `weak to strong for ${answer?.label}`;
  part(".problem").hidden = !heat.problem;
  part(".problem").textContent = heat.problem ?? "";
}
