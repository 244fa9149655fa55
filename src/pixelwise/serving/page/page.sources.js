// Where photos come from: files, what is dropped or pasted, a camera.
import { pictureFile } from "./page.drawing.js";
import { $, all, make, root } from "./page.parts.js";

// A phone's own camera where fingers point, else a live picture.
const byFinger = matchMedia("(pointer: coarse)").matches;

export const isCameraOpen = () => Boolean($("video").srcObject);

async function openCamera() {
  const video = { facingMode: "environment", width: { ideal: 1920 } };
  try {
    $("video").srcObject = await navigator.mediaDevices.getUserMedia({ video });
    await $("video").play();
  } catch {
    closeCamera();
    throw new Error("The camera could not be opened; allow it for this page, or choose a photo.");
  }
}

export function closeCamera() {
  $("video").srcObject?.getTracks().forEach((track) => track.stop());
  $("video").srcObject = null;
}

function shoot() {
  const { videoWidth: width, videoHeight: height } = $("video");
  const picture = make("canvas", { width, height });
  picture.getContext("2d").drawImage($("video"), 0, 0);
  return pictureFile(picture, "image/jpeg");
}

function listenToCamera({ take, complain, draw, clear }) {
  const open = () => {
    clear();
    openCamera().then(draw).then(() => $("shoot").focus(), complain);
  };
  for (const button of all("[data-do=camera]")) {
    button.hidden = !byFinger && !navigator.mediaDevices?.getUserMedia;
    button.addEventListener("click", byFinger ? () => $("snapshot").click() : open);
  }
  $("shoot").addEventListener("click", () => shoot().then((file) => take(file, "camera.jpg"), complain));
  $("close").addEventListener("click", () => {
    closeCamera();
    draw();
    all("[data-do=camera]").find((button) => button.offsetParent)?.focus();
  });
}

// take(file): what is done with a photo; complain(error); draw(): the page is drawn anew; clear(): complaints go.
export function listenForPhotos({ take, complain, draw, clear }) {
  // What is no image is taken, too: the server says what is wrong with it.
  const receive = (files) => take([...files].find((file) => file.type.startsWith("image/")) ?? files[0]);
  listenToCamera({ take, complain, draw, clear });
  all("[data-do=choose]").forEach((button) => button.addEventListener("click", () => $("file").click()));
  for (const input of [$("file"), $("snapshot")]) {
    input.addEventListener("change", () => {
      receive(input.files);
      input.value = ""; // so that the same file can be chosen again
    });
  }
  for (const [kind, isOver] of Object.entries({ dragover: true, dragleave: false, drop: false })) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      root.classList.toggle("dropping", isOver);
    });
  }
  document.addEventListener("drop", (event) => receive(event.dataTransfer.files));
  document.addEventListener("paste", (event) => receive(event.clipboardData.files));
}
