// A person says what a picture really shows: one of the model's labels, another one, or none of these.

const NONE_OF_THESE = "none_of_these";
const MOST_CHOICES = 9;

/** Record a label. Returns whether it was taken; else the entry's problem says why not. */
async function giveLabel(entry, label) {
  if (entry.isLabelling || !label) return false;
  entry.isLabelling = true;
  const { prediction_id, label_token } = entry.answer;
  const path = `v1/predictions/${encodeURIComponent(prediction_id)}:label`;
  const headers = { ...asJson, "Idempotency-Key": newKey() };
  const body = JSON.stringify({ label, label_token });
  let reply = await ask(path, { body, headers });
  if (reply.isAway && reply.retryAfterS !== null && reply.retryAfterS <= LONGEST_PAUSE_S) {
    await new Promise((resolve) => setTimeout(resolve, reply.retryAfterS * 1000));
    reply = await ask(path, { body, headers }); // the key in it makes both the same row
  }
  entry.isLabelling = false;
  change(entry, reply.ok ? { labelled: label, isByOthers: false, problem: "" } : { problem: reply.message });
  say(reply.ok ? `${entry.name} is labelled ${inWords(label)} by you.` : reply.message);
  if (reply.ok) remember(entry);
  if (!viewer.open && entry.card.contains(document.activeElement)) focusCard(entry.card); // the filter may hide it now
  return reply.ok;
}

/** A button for each label that the picture may have: the likely ones, one that was made up before, and none. */
function newChoices(entry) {
  const likely = entry.answer.candidates.slice(0, MOST_CHOICES).map(({ label }) => label);
  return [...likely, NONE_OF_THESE].map((label, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "choice";
    button.value = label;
    const key = document.createElement("kbd");
    key.textContent = label === NONE_OF_THESE ? "0" : index + 1;
    key.ariaHidden = "true";
    button.append(key, inWords(label));
    button.addEventListener("click", () => giveLabel(entry, label));
    return button;
  });
}
