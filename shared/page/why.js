// A person asks why: the heat map over the picture. Part of the same script as page.js, behind it.

/** Show the heat map over the picture, or the picture again; the first time the service is asked for it. */
async function toggleWhy(entry) {
  const why = entry.why ?? {};
  if (why.isAsked) return;
  if (why.url) return changeWhy(entry, { isShown: !why.isShown });
  changeWhy(entry, { isAsked: true, problem: "" });
  const { label } = entry.answer;
  const path = `${page.dataset.explain}?as=png&label=${encodeURIComponent(label)}`;
  const reply = await twice(() => ask(path, entry.file, { "Content-Type": typeOf(entry.file) }, toBlob));
  if (reply.ok) changeWhy(entry, { isAsked: false, url: URL.createObjectURL(reply.body), isShown: true });
  else changeWhy(entry, { isAsked: false, problem: reply.message });
  say(reply.ok ? `The heat map of ${entry.name} is shown.` : reply.message);
}

function changeWhy(entry, facts) {
  change(entry, { why: { ...entry.why, ...facts } });
}

const toBlob = (reply) => reply.blob();

function drawWhy({ file, state, answer, why = {} }, part) {
  part(".why").hidden = !(state === "done" && file); // a restored card has no picture to send
  part(".why button").setAttribute("aria-pressed", Boolean(why.isShown));
  part(".why button").setAttribute("aria-busy", Boolean(why.isAsked));
  part(".because").hidden = !(why.isShown || why.isAsked);
  part(".because").textContent = why.isAsked ? "Looking…" : `speaks for ${answer?.label}`;
  part(".because").dataset.kind = why.isAsked ? "asked" : "shown";
  part(".why .problem").hidden = !why.problem;
  part(".why .problem").textContent = why.problem ?? "";
}
