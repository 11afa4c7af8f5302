// The desk: the tab of the page is in view, and a picture that was chosen is shown before it is uploaded.
for (const tabs of document.querySelectorAll(".tabs ul")) {
  const current = tabs.querySelector("[aria-current]");
  if (current) tabs.scrollLeft = current.offsetLeft - (tabs.clientWidth - current.offsetWidth) / 2;
}

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
