// Snap.js as merchants' pages see it: window.snap opens the simulator's payment page over theirs.
// As published: pay(token, options) with onSuccess, onPending, onError and onClose, show() and hide(), and the error of
// a second pay(). A result without its callback leads to finish_redirect_url.
(function () {
  "use strict";

  const script = document.currentScript;
  const base = script.src.replace(/\/snap\/snap\.js.*$/, "");
  const origin = new URL(script.src).origin;
  const clientKey = script.dataset.clientKey || "";
  let popup = null; // what is over the page: its frame, the payment's token and callbacks, the last result

  function pay(token, options) {
    if (!token) {
      throw new Error("snap.pay needs a Snap token");
    }
    if (popup && popup.token) {
      throw new Error(
        "snap.pay is not allowed to be called in this state. Invalid state transition from PopupInView to PopupInView",
      );
    }
    show();
    popup.token = token;
    popup.options = options || {};
    popup.frame.src =
      `${base}/snap/v4/popup/${encodeURIComponent(token)}?` +
      new URLSearchParams({ client_key: clientKey, parent: window.location.origin });
  }

  function show() {
    if (popup) {
      return;
    }
    const frame = document.createElement("iframe");
    frame.name = frame.title = "Snap";
    frame.id = "snap-midtrans";
    frame.allow = "clipboard-write";
    Object.assign(frame.style, {
      position: "fixed",
      inset: "0",
      width: "100%",
      height: "100%",
      border: "0",
      zIndex: "999999",
      background: "rgb(0 0 0 / 50%)",
    });
    popup = { frame, focused: document.activeElement, overflow: document.body.style.overflow };
    document.body.style.overflow = "hidden";
    document.body.append(frame);
    frame.addEventListener("load", () => frame.focus());
  }

  function hide() {
    if (!popup) {
      return;
    }
    const { frame, focused, overflow } = popup;
    popup = null;
    frame.remove();
    document.body.style.overflow = overflow;
    if (focused && focused.focus) {
      focused.focus();
    }
  }

  function close() {
    const { options, pending } = popup;
    hide();
    if (pending) {
      tell(options.onPending, pending);
    } else if (options.onClose) {
      options.onClose();
    }
  }

  function tell(callback, result) {
    if (callback) {
      callback(result);
    } else if (result.finish_redirect_url) {
      window.location.assign(result.finish_redirect_url);
    }
  }

  window.addEventListener("message", (event) => {
    if (!popup || event.source !== popup.frame.contentWindow || event.origin !== origin) {
      return;
    }
    const { options } = popup;
    const { outcome, result } = event.data;
    if (outcome === "pending") {
      popup.pending = result;
    } else if (outcome === "closed") {
      close();
    } else {
      hide();
      tell(outcome === "success" ? options.onSuccess : options.onError, result);
    }
  });

  window.snap = { pay, show, hide };
})();
