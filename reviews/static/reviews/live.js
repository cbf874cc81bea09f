// Elements with data-look ask the server again while somebody looks, at the pace that the server names (data-every, in
// seconds). What is open or has the focus stays so; a line says whether what is seen is still true.
const STEP = 500;
const FLOATING = "[popover]:popover-open, dialog[open]";
const line = document.getElementById("live");
const asked = new WeakMap();
const started = Date.now();
let answeredAt = started;

const looks = (element) => Boolean(element?.matches?.("[data-look]"));
const pace = (element) => 1000 * Number(element.querySelector("[data-every]")?.dataset.every || 15);
const clock = (moment) => new Date(moment).toLocaleTimeString("en-GB");

function ask(element) {
  asked.set(element, Date.now());
  window.htmx.trigger(element, "look");
}

function round() {
  // What a person has opened over the page is not pulled away under her hand.
  if (document.hidden || document.querySelector(FLOATING)) return;
  for (const element of document.querySelectorAll("[data-look]")) {
    if (Date.now() - (asked.get(element) ?? started) >= pace(element)) ask(element);
  }
}

function say(tone, words) {
  if (!line || line.lastElementChild.textContent === words) return;
  line.firstElementChild.className = `dot ${tone}`;
  line.lastElementChild.textContent = words;
}

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (!looks(detail.elt)) return;
  const status = detail.xhr.status;
  if (status === 200 || status === 204) {
    answeredAt = Date.now();
    say("good", "Live");
  } else if (status === 401) {
    say("bad", "You are signed out. Reload to sign in again.");
  } else {
    say("bad", `Connection lost, last seen ${clock(answeredAt)}`);
  }
});

// A part that is replaced keeps what is open in it.
document.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
  for (const open of detail.target.querySelectorAll("details[open][id]")) {
    detail.fragment.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
  }
});

// A button that is gone because it was pressed leaves the focus with the sentence that says what it did. It is no longer
// the element of the event, which must be one that is still there.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.requestConfig.elt.matches("form") && document.activeElement === document.body) {
    document.getElementById("said")?.focus({ preventScroll: true });
  }
});

// It floats until the next thing she does.
for (const act of ["pointerdown", "keydown"]) {
  document.addEventListener(act, () => document.getElementById("said")?.replaceChildren());
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) document.querySelectorAll("[data-look]").forEach(ask);
});
setInterval(round, STEP);
