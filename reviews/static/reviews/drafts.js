// Drafts: each change is kept on this computer at once, and on the server with each pause in typing. What the server
// does not have is put back when the item is opened again; what was written over another text is only offered.
const PREFIX = "gradebench.draft:";
const PAUSE = 400;
const LONGEST = 1000;
const AGAIN = 2000;
const PATIENCE = 8000;
// Browsers refuse to send more than 64 KB on behalf of a page that is gone.
const MOST_LEAVING = 60000;
const OWN = new Set(["csrfmiddlewaretoken", "document", "amends", "ready"]);

const states = new WeakMap();
const grade = () => document.getElementById("grade");
// How far this computer's clock is ahead of the server's, because drafts of several computers are compared.
const ahead = Date.now() - Date.parse(document.getElementById("trouble").dataset.now);
const now = () => Date.now() - ahead;
const clock = (moment) => new Date(moment).toLocaleTimeString("en-GB");

function stateOf(form) {
  if (!states.has(form)) states.set(form, { version: 0, saved: 0, first: 0, timer: 0, sending: false, closed: false });
  return states.get(form);
}

function say(form, kind, at) {
  const line = document.getElementById("saved");
  if (!line || form !== grade()) return;
  line.hidden = false;
  line.querySelector(".dot").className = kind === "server" ? "dot good" : "dot warm";
  line.querySelector(".on-server").hidden = kind !== "server";
  line.querySelector(".here").textContent = kind === "server" ? "" : line.dataset[kind];
  if (kind === "server") {
    const time = line.querySelector("time");
    time.dateTime = at;
    time.dataset.time = "second";
    time.textContent = clock(at);
  }
}

function lasts(until) {
  const claim = document.querySelector(".actions .claim");
  if (!claim || !until) return;
  claim.querySelector(".held time").dateTime = until;
  claim.querySelector(".held time").textContent = clock(until).slice(0, 5);
  claim.querySelector(".over").dataset.after = until;
}

// On this computer ---------------------------------------------------------------------------------------------------

const read = (key) => JSON.parse(localStorage.getItem(key) ?? "null");
const written = (form) => [...new FormData(form)].filter(([name, text]) => typeof text === "string" && !OWN.has(name));

function keep(form, sent) {
  try {
    localStorage.setItem(PREFIX + form.dataset.draft, JSON.stringify({ at: now(), sent, fields: written(form) }));
  } catch {
    // Full or forbidden: then the server's copy is the only one.
  }
}

function put(form, fields) {
  const left = new Map();
  for (const [name, text] of fields) left.set(name, [...(left.get(name) ?? []), text]);
  for (const control of form.elements) {
    const texts = left.get(control.name);
    if (control.type === "radio" || control.type === "checkbox") {
      const wanted = Boolean(texts?.includes(control.value));
      if (control.checked === wanted) continue;
      control.checked = wanted;
    } else {
      if (OWN.has(control.name) || !texts?.length) continue;
      const text = texts.shift();
      if (control.value === text) continue;
      control.value = text;
      const box = control.closest("details");
      if (box) box.open = true;
    }
    control.dispatchEvent(new Event("input", { bubbles: true }));
    control.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

// Rows and fields that hang on other answers are not there yet: the form is asked for anew with all of it.
function restore(form, key) {
  const { fields } = read(key);
  put(form, fields);
  form.dispatchEvent(new CustomEvent("gradebench:fill", { bubbles: true, detail: fields }));
}

function others(form) {
  const [user, completion, , place] = form.dataset.draft.split(":");
  const start = `${PREFIX}${user}:${completion}:`;
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(start) && key.endsWith(`:${place}`));
  return keys.filter((key) => key !== PREFIX + form.dataset.draft && !read(key).sent);
}

function offer(form, key, words) {
  const box = document.getElementById("offered");
  const line = box.querySelector("p");
  line.textContent = `${line.dataset[words]} (${clock(read(key).at + ahead)}).`;
  box.hidden = false;
  box.querySelector("[data-use]").onclick = () => {
    restore(form, key);
    box.hidden = true;
  };
  box.querySelector("[data-drop]").onclick = () => {
    localStorage.removeItem(key);
    box.hidden = true;
  };
}

function open(root) {
  const form = root.querySelector?.("#grade[data-draft]") ?? (root.id === "grade" ? root : null);
  if (!form || states.has(form)) return;
  stateOf(form);
  if (form.dataset.saved) say(form, "server", form.dataset.saved);
  // What came back refused is what she has just written.
  if ("posted" in form.dataset) return;
  const key = PREFIX + form.dataset.draft;
  const here = read(key);
  if (here && !here.sent) {
    if (here.at > (Date.parse(form.dataset.saved) || 0)) restore(form, key);
    else if (JSON.stringify(here.fields) !== JSON.stringify(written(form))) offer(form, key, "older");
  }
  const [other] = others(form);
  if (other) offer(form, other, "changed");
}

// On the server ------------------------------------------------------------------------------------------------------

const KINDS = { 401: "signedOut", 413: "tooLong" };

async function ask(form, leaving) {
  const body = new URLSearchParams(new FormData(form));
  const keepalive = leaving && body.toString().length < MOST_LEAVING;
  try {
    return await fetch(form.dataset.save, { method: "POST", body, keepalive, signal: AbortSignal.timeout(PATIENCE) });
  } catch {
    return null;
  }
}

async function send(form, leaving = false) {
  const state = stateOf(form);
  clearTimeout(state.timer);
  if (state.closed || state.saved === state.version || (state.sending && !leaving)) return;
  const { version } = state;
  state.first = 0;
  state.sending = true;
  const answer = await ask(form, leaving);
  state.sending = false;
  if (answer?.status === 204) state.closed = true;
  else if (answer?.ok) await saved(form, version, answer);
  else failed(form, answer?.status ?? 0);
  // What she wrote meanwhile.
  if (!state.closed && state.saved !== state.version && answer?.status !== 413) {
    clearTimeout(state.timer);
    state.timer = setTimeout(send, answer?.ok ? PAUSE : AGAIN, form);
  }
}

async function saved(form, version, answer) {
  const state = stateOf(form);
  const said = await answer.json().catch(() => null);
  if (!said) return;
  state.saved = version;
  if (state.version === version && !state.closed) keep(form, true);
  say(form, "server", said.saved_at);
  if (form === grade()) lasts(said.held_until);
}

const failed = (form, status) => say(form, KINDS[status] ?? "local");

// When ---------------------------------------------------------------------------------------------------------------

function changed(event) {
  const form = event.target.form;
  if (form?.id !== "grade" || !form.dataset.draft || OWN.has(event.target.name)) return;
  const state = stateOf(form);
  state.version += 1;
  keep(form, false);
  state.first ||= Date.now();
  clearTimeout(state.timer);
  state.timer = setTimeout(send, Math.max(0, Math.min(PAUSE, state.first + LONGEST - Date.now())), form);
}

document.addEventListener("input", changed);
document.addEventListener("change", changed);

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  const form = grade();
  if (!form || detail.elt.matches?.("[data-look]")) return;
  if (detail.elt === form) clearTimeout(stateOf(form).timer);
  else send(form);
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const form = detail.requestConfig.elt;
  if (form.id !== "grade") return;
  if (detail.xhr.status === 200) {
    stateOf(form).closed = true;
    localStorage.removeItem(PREFIX + form.dataset.draft);
  } else {
    send(form);
  }
});

document.addEventListener("submit", async (event) => {
  const form = grade();
  if (!form || !event.target.matches("[data-sign-out]") || stateOf(form).saved === stateOf(form).version) return;
  // The sign-in page clears this computer, so the server has to have it before.
  event.preventDefault();
  await send(form);
  event.target.submit();
});

const leave = () => { if (grade()) send(grade(), true); };
window.addEventListener("pagehide", leave);
document.addEventListener("visibilitychange", () => { if (document.hidden) leave(); });
window.addEventListener("online", () => { if (grade()) send(grade()); });
document.addEventListener("htmx:load", (event) => open(event.target));
document.addEventListener("gradebench:claimed", (event) => lasts(event.detail));
open(document);
