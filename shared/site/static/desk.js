// The desk: a picture that was chosen is shown before it is uploaded.
for (const shown of document.querySelectorAll("[data-preview-of]")) {
  document.getElementById(shown.dataset.previewOf)?.addEventListener("change", (event) => {
    const file = event.target.files[0];
    if (!file) return;
    const reader = new FileReader();
    reader.addEventListener("load", () => {
      const picture = document.createElement("img");
      picture.className = "banner";
      picture.alt = "";
      picture.src = reader.result;
      shown.replaceChildren(picture);
    });
    reader.readAsDataURL(file);
  });
}
