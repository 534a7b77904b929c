// A person asks why: the heat map over the picture.

/** Show the heat map over the picture, or the picture again; the first time the service is asked for it. */
async function toggleWhy(entry) {
  const heat = entry.heat ?? {};
  if (heat.isAsked) return;
  if (heat.url) return changeHeat(entry, { isShown: !heat.isShown });
  changeHeat(entry, { isAsked: true, problem: "" });
  const path = `v1/models/${encodeURIComponent(entry.model)}:explain?as=png&label=${encodeURIComponent(entry.answer.label)}`;
  const reply = await ask(path, { body: entry.file, headers: { "Content-Type": typeOf(entry.file) }, read: toBlob });
  if (reply.ok) changeHeat(entry, { isAsked: false, url: URL.createObjectURL(reply.body), isShown: true });
  else changeHeat(entry, { isAsked: false, problem: reply.message });
  say(reply.ok ? `The heat map of ${entry.name} is shown.` : reply.message);
}

function changeHeat(entry, facts) {
  change(entry, { heat: { ...entry.heat, ...facts } });
}

function drawWhy({ file, state, answer, heat = {} }) {
  const part = (name) => viewer.querySelector(`.why ${name}`);
  viewer.querySelector(".why").hidden = !(state === "done" && file); // a restored card has no picture to send
  part("button").setAttribute("aria-pressed", Boolean(heat.isShown));
  part("button").setAttribute("aria-busy", Boolean(heat.isAsked));
  part(".because").hidden = !(heat.isShown || heat.isAsked);
  part(".because").dataset.kind = heat.isAsked ? "asked" : "shown";
  part(".because").textContent = heat.isAsked ? "Looking…" : `weak to strong for ${answer?.label}`;
  part(".problem").hidden = !heat.problem;
  part(".problem").textContent = heat.problem ?? "";
}
