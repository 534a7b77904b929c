// Receive pictures that a user chooses, photographs, drops or pastes; of a folder, also those in its subfolders.

const MOST_FILES = 2000;
const PICTURE_NAME = /\.(jpe?g|jpe|jfif|png|webp|gif|bmp|dib|tiff?|avif|heic|heif|hif)$/i;

/** Show files and send them. `files` are {name, file}; `leftOut` is the number of other files, for the notice. */
function receiveFiles(files, leftOut = 0) {
  const accepted = files.slice(0, MOST_FILES);
  const { value: model } = modelChoice;
  const now = Date.now();
  const batch = accepted.map(({ name, file }, index) =>
    newEntry({ name, file, model, key: newKey(), state: "waiting", at: now - index / accepted.length }),
  );
  if (batch.length) {
    hideUndo();
    add(batch);
    for (const entry of batch) addThumbnail(entry);
    enqueue(batch);
  }
  const sent = batch.length === 1 ? `${batch[0].name} is sent.` : `${pictures(batch.length)} are sent.`;
  const others = leftOut === 1 ? " 1 other file was left out: it is not a picture." : ` ${leftOut.toLocaleString("en")} other files were left out: they are not pictures.`;
  const later = ` The limit is ${MOST_FILES.toLocaleString("en")} pictures in one drop; drop the others later.`;
  const all = [batch.length ? sent : "There was no picture in that.", leftOut && others, files.length > accepted.length && later];
  const sentence = all.filter(Boolean).join("");
  if (sentence === sent) announce(sentence);
  else showNotice(sentence); // which also announces it
}

/** Receive the files of a folder that the user chose in the dialog, without hidden files and files of other kinds. */
function receiveFolder(files) {
  const all = Array.from(files, (file) => ({ name: file.webkitRelativePath || file.name, file }));
  const images = all.filter(isPictureByName);
  receiveFiles(images, all.filter((file) => !isHidden(file)).length - images.length);
}

/** Receive dropped files of any kind, and the pictures in dropped folders. */
async function receiveDropped(transfer) {
  // read both before the first await, after which the browser empties the transfer
  const items = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = Array.from(transfer.files, (file) => ({ name: file.name, file }));
  if (!items.some((item) => item.isDirectory)) return receiveFiles(files);
  const loose = items.filter((item) => item.isFile).map((item) => ({ item, path: item.name }));
  const inside = (await Promise.all(items.filter((item) => item.isDirectory).map(filesBelow))).flat();
  const images = inside.filter(({ path }) => isPictureByName({ name: path }));
  const opened = await Promise.all([...loose, ...images].slice(0, MOST_FILES + 1).map(fileOf));
  receiveFiles(opened.filter(Boolean), inside.filter(({ path }) => !isHidden({ name: path })).length - images.length);
}

/** Return {item, path} of every file below a folder, in the order of their paths. */
async function filesBelow(folder) {
  const reader = folder.createReader();
  const files = [];
  for (;;) {
    const batch = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([]))); // Chromium returns at most a hundred
    if (!batch.length) break;
    for (const item of batch) {
      if (item.isDirectory) files.push(...(await filesBelow(item)));
      else files.push({ item, path: item.fullPath.replace(/^\//, "") });
    }
  }
  return files.sort((first, second) => (first.path < second.path ? -1 : 1));
}

function fileOf({ item, path }) {
  return new Promise((resolve) => item.file((file) => resolve({ name: path, file }), () => resolve(null)));
}

function isPictureByName(file) {
  return PICTURE_NAME.test(file.name) && !isHidden(file);
}

function isHidden({ name }) {
  return name.split("/").some((part) => part.startsWith("."));
}
