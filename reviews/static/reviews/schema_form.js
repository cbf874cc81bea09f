// The form asks the server for itself: a row more, a row less, other fields for other answers. Only the server reads the
// schema. What was typed meanwhile, the focus and the place in a text stay.
const SHOW = "show:";
let asked = 0;
// While the pointer is down nothing is put in place of what it presses: the click would be lost.
let released = Promise.resolve();
let release = () => {};

const shown = () => document.getElementById("schema-form");

function say(words) {
  const trouble = document.getElementById("trouble");
  if (!trouble) return;
  trouble.textContent = words;
  trouble.hidden = !words;
}

async function fetched(box, button, fields) {
  const form = box.closest("form");
  const body = new FormData(form);
  for (const [name, text] of fields) body.set(name, text);
  body.set("form-do", button?.value ?? SHOW);
  const address = box.dataset.again || form.action;
  const headers = { "HX-Request": "true", "HX-Target": "schema-form" };
  const answer = await fetch(address, { method: "POST", body, headers, credentials: "same-origin" });
  if (!answer.ok) throw new Error(String(answer.status));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return { body, fresh: page.getElementById("schema-form") };
}

const isPick = (control) => control.type === "radio" || control.type === "checkbox";
const same = (control) => (other) => other.name === control.name && (!isPick(control) || other.value === control.value);

// What was written after the form was sent.
function carry(old, fresh, body) {
  const controls = [...fresh.querySelectorAll("[name]")];
  for (const control of old.querySelectorAll("input:not([type=hidden]), textarea")) {
    const before = isPick(control) ? body.getAll(control.name).includes(control.value) : body.get(control.name);
    const now = isPick(control) ? control.checked : control.value;
    const twin = before === now ? null : controls.find(same(control));
    if (twin && isPick(twin)) twin.checked = now;
    else if (twin) twin.value = now;
  }
}

function focusAgain(fresh, held, range) {
  const twin = [...fresh.querySelectorAll("[name]")].find(same(held));
  twin?.focus({ preventScroll: true });
  if (twin && range[0] !== null) twin.setSelectionRange?.(...range);
}

function focusRow(fresh, [deed, path]) {
  const list = fresh.querySelector(`#${CSS.escape(`field-v-${deed === "add" ? path : path.slice(0, path.lastIndexOf("--"))}`)}`);
  const row = deed === "add" ? list?.querySelector(":scope > .within > :last-child") : null;
  (row?.querySelector("input:not([type=hidden]), textarea") ?? list?.querySelector(":scope > .add") ?? list)?.focus();
}

function put(old, fresh, body, button) {
  const held = old.contains(document.activeElement) && document.activeElement.name ? document.activeElement : null;
  const range = held && "selectionStart" in held ? [held.selectionStart, held.selectionEnd] : [null, null];
  carry(old, fresh, body);
  old.replaceWith(fresh);
  if (button && button.value !== SHOW) focusRow(fresh, button.value.split(/:(.*)/s));
  else if (held) focusAgain(fresh, held, range);
  // What is kept as a draft has other fields now.
  fresh.querySelector("[name]")?.dispatchEvent(new Event("input", { bubbles: true }));
}

async function ask(button, fields = []) {
  const box = shown();
  const mine = ++asked;
  try {
    const { body, fresh } = await fetched(box, button, fields);
    await released;
    if (mine !== asked || box !== shown() || !fresh) return;
    say("");
    put(box, document.adoptNode(fresh), body, button);
  } catch {
    if (mine === asked) say("The form could not be changed: the server did not answer. Your work is still here. Try again in a moment.");
  }
}

document.addEventListener("pointerdown", () => {
  released = new Promise((done) => { release = done; });
});
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(() => release()));

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("#schema-form button[name=form-do]");
  if (!button) return;
  event.preventDefault();
  ask(button);
});

// A draft of this computer: what it has no control for yet is drawn by the server.
document.addEventListener("gradebench:fill", ({ target: form, detail: fields }) => {
  const known = new Set([...form.elements].map((control) => control.name));
  const own = fields.filter(([name]) => /^[a-z][0-9a-z_]*-/.test(name) && !name.startsWith("edit-"));
  if (own.some(([name]) => !known.has(name)) || shown()?.querySelector("[name^=n-]")) ask(null, own);
});

document.addEventListener("change", (event) => {
  if (event.target.closest?.("#schema-form[data-live]")) ask(null);
});

// Answered before this script was there.
const early = [...(shown()?.querySelectorAll("input[type=radio], input[type=checkbox]") ?? [])];
if (shown()?.matches("[data-live]") && early.some((control) => control.checked !== control.defaultChecked)) ask(null);
