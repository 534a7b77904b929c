// Export the list as CSV (RFC 4180), with a byte order mark so that Excel reads it as UTF-8.

const COLUMNS = {
  name: ({ name }) => name,
  label: ({ answer }) => answer?.label,
  score: ({ answer }) => answer?.score,
  final_label: ({ answer, labelled }) => labelled ?? answer?.label,
  labelled_by_a_person: ({ labelled }) => Boolean(labelled),
  needs_review: ({ answer, labelled }) => Boolean(answer?.needs_review && !labelled),
  is_unfamiliar: ({ answer, labelled }) => Boolean(answer?.is_unfamiliar && !labelled),
  model: ({ answer }) => answer && `${answer.model.name} ${answer.model.version}`,
  prediction_id: ({ answer }) => answer?.prediction_id,
  problem: ({ state, note }) => (state === "failed" ? note : isPending({ state }) ? "not answered yet" : ""),
};

function asCsv() {
  const rows = entries.map((entry) => Object.values(COLUMNS).map((value) => cell(value(entry))).join(","));
  return `\ufeff${[Object.keys(COLUMNS).join(","), ...rows].join("\r\n")}\r\n`;
}

/**
 * Return a value as a cell. A text that begins like a formula gets an apostrophe, so that a spreadsheet does not run it
 * (https://owasp.org/www-community/attacks/CSV_Injection).
 */
function cell(value) {
  if (typeof value !== "string") return value === undefined || value === null ? "" : String(value);
  const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return `"${text.replaceAll('"', '""')}"`;
}

function exportAsCsv() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([asCsv()], { type: "text/csv;charset=utf-8" }));
  link.download = "bucketlens.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
