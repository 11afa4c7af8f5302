// Who is in: an entry is noted at the gate that this device is.
try {
  const { gate } = JSON.parse(localStorage.getItem(`gate-${document.getElementById("main").dataset.event}`));
  for (const field of document.querySelectorAll("[data-gate]")) field.value = gate;
} catch { /* no gate has been named here */ }
