// Thumbnails for the list, and the largest version of a picture for the viewer.

const THUMBNAIL_PX = 480;
let lastThumbnail = Promise.resolve();

/** Make a thumbnail to show and to keep. One at a time, because a decoded photograph takes much memory. */
function addThumbnail(entry) {
  lastThumbnail = lastThumbnail.then(async () => {
    if (!entries.includes(entry)) return;
    try {
      setThumbnail(entry, await smaller(entry.file));
    } catch {
      change(entry, { hasNoPreview: true }); // the browser does not know the format
      if (entry.state === "done") addServerThumbnail(entry);
    }
  });
}

/** Make a thumbnail from a preview by the service, for HEIC, TIFF and pictures in a bucket, which the browser cannot show. */
function addServerThumbnail(entry) {
  lastThumbnail = lastThumbnail.then(async () => {
    if (entry.thumbnail || !entries.includes(entry)) return;
    const shown = await serverPreview(entry);
    if (shown) await smaller(shown).then((blob) => setThumbnail(entry, blob), () => {});
    else change(entry, { hasNoPreview: true });
  });
}

function setThumbnail(entry, blob) {
  if (entry.thumbnail) URL.revokeObjectURL(entry.thumbnail);
  change(entry, { thumbnail: URL.createObjectURL(blob), thumbnailBlob: blob });
  remember(entry);
}

/** Return a JPEG of a picture, its longer edge at most THUMBNAIL_PX; rejects if the browser does not know the format. */
async function smaller(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, THUMBNAIL_PX / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white"; // behind transparency: JPEG has none
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/jpeg", 0.82);
  });
}

/** Return a JPEG of a picture from the service, or null. */
async function serverPreview({ file, uri }) {
  if (!file && !uri) return null;
  const request = file
    ? { body: file, headers: { "Content-Type": typeOf(file) } }
    : { body: JSON.stringify({ uri }), headers: asJson };
  const reply = await callService("v1/preview", { ...request, read: toBlob });
  return reply.ok ? reply.body : null;
}

/** Return the largest version of a picture that this browser can show, or null. */
async function wholePicture(entry) {
  if (entry.file && !entry.hasNoPreview) return entry.file;
  const isAnswered = entry.state === "done";
  return (isAnswered && (await serverPreview(entry))) || entry.thumbnailBlob || null;
}

/** Load the thumbnails of pictures in a bucket when their cards come into view. */
const comesIntoView = new IntersectionObserver(
  (seen) => {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting) continue;
      comesIntoView.unobserve(target);
      const entry = entries.find(({ card }) => card === target);
      if (entry) addServerThumbnail(entry);
    }
  },
  { rootMargin: "400px" },
);
