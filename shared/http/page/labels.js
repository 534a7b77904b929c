// Label a picture: the user chooses one of the model's labels, types another one, or chooses "none of these".

const NONE_OF_THESE = "none_of_these";
const MOST_CHOICES = 9;

/** Record a label. Returns whether the service recorded it; if not, `entry.problem` is the reason. */
async function recordLabel(entry, label) {
  if (entry.isLabelling || !label) return false;
  entry.isLabelling = true;
  const { prediction_id, label_token } = entry.answer;
  const path = `v1/predictions/${encodeURIComponent(prediction_id)}:label`;
  const headers = { ...asJson, "Idempotency-Key": newKey() };
  const body = JSON.stringify({ label, label_token });
  let reply = await callService(path, { body, headers });
  if (reply.isUnavailable && reply.retryAfterS !== null && reply.retryAfterS <= LONGEST_PAUSE_S) {
    await new Promise((resolve) => setTimeout(resolve, reply.retryAfterS * 1000));
    reply = await callService(path, { body, headers }); // the same Idempotency-Key makes both requests one row
  }
  entry.isLabelling = false;
  change(entry, reply.ok ? { labelled: label, isByOthers: false, problem: "" } : { problem: reply.message });
  announce(reply.ok ? `${entry.name} is labelled ${labelText(label)} by you.` : reply.message);
  if (reply.ok) remember(entry);
  if (!viewer.open && entry.card.contains(document.activeElement)) focusCard(entry.card); // the filter may hide it now
  return reply.ok;
}

/** Return a button for each of the best candidates, and one for "none of these". */
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
    button.append(key, labelText(label));
    button.addEventListener("click", () => recordLabel(entry, label));
    return button;
  });
}
