// Pictures come in: chosen, photographed, dropped, pasted; folders too, with all that is below them.

const MOST_AT_ONCE = 2000;
const PICTURE_NAME = /\.(jpe?g|jpe|jfif|png|webp|gif|bmp|dib|tiff?|avif|heic|heif|hif)$/i;

/** Show and send files: {name, file} each. */
function take(given, leftOut = 0) {
  const taken = given.slice(0, MOST_AT_ONCE);
  const { value: model } = modelChoice;
  const now = Date.now();
  const batch = taken.map(({ name, file }, index) =>
    newEntry({ name, file, model, key: newKey(), state: "waiting", at: now - index / taken.length }),
  );
  if (batch.length) {
    hideUndo();
    add(batch);
    for (const entry of batch) addThumbnail(entry);
    queue(batch);
  }
  const sent = batch.length === 1 ? `${batch[0].name} is sent.` : `${pictures(batch.length)} are sent.`;
  const others = leftOut === 1 ? " 1 other file was left out: it is no picture." : ` ${leftOut.toLocaleString("en")} other files were left out: they are no pictures.`;
  const later = ` These are the most at once, ${MOST_AT_ONCE.toLocaleString("en")}; drop the others later.`;
  const all = [batch.length ? sent : "There was no picture in that.", leftOut && others, given.length > taken.length && later];
  const sentence = all.filter(Boolean).join("");
  if (sentence === sent) say(sentence);
  else showNotice(sentence); // which says it too
}

/** Take what a folder's own dialog gave; hidden files and what is no picture stay out. */
function takeFolder(files) {
  const all = Array.from(files, (file) => ({ name: file.webkitRelativePath || file.name, file }));
  const found = all.filter(isPictureByName);
  take(found, all.filter((one) => !isHidden(one)).length - found.length);
}

/** Take what was dropped: files as they are, whatever they are, and of folders the pictures. */
async function takeDropped(transfer) {
  // both must be asked for now: the transfer is empty once this function has waited
  const items = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = Array.from(transfer.files, (file) => ({ name: file.name, file }));
  if (!items.some((item) => item.isDirectory)) return take(files);
  const loose = items.filter((item) => item.isFile).map((item) => ({ item, path: item.name }));
  const inside = (await Promise.all(items.filter((item) => item.isDirectory).map(filesBelow))).flat();
  const found = inside.filter(({ path }) => isPictureByName({ name: path }));
  const opened = await Promise.all([...loose, ...found].slice(0, MOST_AT_ONCE + 1).map(fileOf));
  take(opened.filter(Boolean), inside.filter(({ path }) => !isHidden({ name: path })).length - found.length);
}

/** Returns {item, path} for every file below a folder, by name. */
async function filesBelow(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([]))); // a hundred at a time
    if (!some.length) break;
    for (const item of some) {
      if (item.isDirectory) found.push(...(await filesBelow(item)));
      else found.push({ item, path: item.fullPath.replace(/^\//, "") });
    }
  }
  return found.sort((one, other) => (one.path < other.path ? -1 : 1));
}

function fileOf({ item, path }) {
  return new Promise((resolve) => item.file((file) => resolve({ name: path, file }), () => resolve(null)));
}

function isPictureByName(one) {
  return PICTURE_NAME.test(one.name) && !isHidden(one);
}

function isHidden({ name }) {
  return name.split("/").some((part) => part.startsWith("."));
}
