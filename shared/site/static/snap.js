// Midtrans's popup. Its callbacks may come twice, or lie: each leads to the order's page, once.
const box = document.querySelector("[data-snap]");
const button = box.querySelector("[data-open]");
let isOpen = false;
let isLeaving = false;

const leave = () => {
  if (isLeaving) return;
  isLeaving = true;
  location.assign(box.dataset.order);
};

function open() {
  if (isOpen || !window.snap) return;
  isOpen = true;
  try {
    window.snap.pay(box.dataset.snap, {
      onSuccess: leave,
      onPending: leave,
      onError: leave,
      onClose: () => { isOpen = false; button.hidden = false; },
    });
  } catch {
    isOpen = false;
    button.hidden = false;
  }
}

button.addEventListener("click", open);
if (window.snap) open();
