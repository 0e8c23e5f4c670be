// The few things markup alone cannot say. Event names of htmx 2 and htmx 4 stand side by side.
(() => {
  "use strict";

  const on = (names, handle) => names.forEach((name) => document.addEventListener(name, handle));

  // Escape cancels an edit.
  on(["keydown"], ({ key, target, isComposing }) => {
    if (key === "Escape" && !isComposing) target.closest(".task.editing")?.querySelector(".cancel").click();
  });

  // The second click of a double click asks nothing: the answer may have put something else under the pointer.
  document.addEventListener("click", (event) => {
    if (event.detail < 2 || !event.target.closest("button")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  // An open edit survives a refresh of the list around it, and must not take the focus again then.
  let focused;
  on(["focusin"], ({ target }) => {
    target.removeAttribute("autofocus");
    focused = target;
  });

  // Whoever works from the keyboard stays in the list when the row with the focus leaves it.
  on(["htmx:afterSettle", "htmx:finally:request"], () => {
    const list = document.getElementById("task-list");
    if (document.activeElement === document.body && focused?.id && !focused.isConnected) {
      (document.getElementById(focused.id) ?? list)?.focus({ preventScroll: true });
    }
  });

  // What could not be sent says so, and a toggle springs back. A refresh that failed is tried again, and while the stream is down it
  // takes the place of the stream: it shows what changed, or leads to the login when the session is over.
  const root = document.documentElement;
  const refresh = () => {
    const element = document.getElementById("refresh");
    if (element) htmx.trigger(element, "sse:board");
  };
  // htmx 2 says `htmx:error` besides, of every error; htmx 4 of what could not be sent.
  const failed = (names, handle) => on(names, ({ target, detail }) => detail.errorInfo || handle(target));
  failed(["htmx:sendError", "htmx:responseError", "htmx:error", "htmx:response:error"], (target) => {
    if (target.id === "refresh") setTimeout(refresh, 2000);
    if (target.matches?.(".task .check")) target.checked = target.defaultChecked;
  });
  failed(["htmx:sendError", "htmx:error"], (target) => {
    if (!target.closest?.("form, .task, .filters")) return;
    const told = document.createElement("p");
    told.textContent = "That did not reach the server. Try again in a moment.";
    document.getElementById("errors").replaceChildren(told);
  });
  setInterval(() => root.dataset.sse === "reconnecting" && refresh(), 5000);

  // A new task that is being typed outlives what takes its field away: a slow answer to the one before it, and a login when the
  // session is over. It comes back to who has typed it, in this tab alone.
  const field = () => document.getElementById("title");
  const draft = () => `draft of ${document.querySelector(".me strong")?.textContent}`;
  let sent, outrun;
  document.addEventListener("submit", ({ target }) => {
    if (target.matches("#new-task:not(.htmx-request)")) sent = field().value;
  }, true);
  on(["input"], ({ target }) => {
    if (target.closest("#new-task.htmx-request")) outrun = target;
  });
  on(["htmx:afterSettle", "htmx:finally:request"], () => {
    if (!outrun || outrun.isConnected || !field()) return;
    field().value = field().value ? outrun.value : outrun.value.replace(sent, "").trimStart();
    outrun = undefined;
  });
  window.addEventListener("pagehide", () => field() && sessionStorage.setItem(draft(), field().value));
  if (field()) field().value ||= sessionStorage.getItem(draft()) ?? "";

  const tell = () => root.toggleAttribute("data-offline", !navigator.onLine);
  window.addEventListener("offline", tell);
  window.addEventListener("online", () => {
    tell();
    refresh();
  });
})();
