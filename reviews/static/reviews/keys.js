// One key per decision. Keys never act while somebody writes, but for Ctrl+Enter and Escape.
const OFF = "gradebench.keys-off";
const ONE_OFF = "gradebench.one-key-off";
const writing = "textarea, input:not([type=radio]):not([type=checkbox]):not([type=hidden])";
const native = "a[href], button, summary, input[type=checkbox]";
const stops = "#review .turn, #review .answer > .who, #grade .field";
let last = null;
let stop = null;
// Who is used to Enter after a digit shall not submit the next item with it.
const HABIT = 800;
let decidedAt = -HABIT;

const byId = (id) => document.getElementById(id);
const keysOn = () => byId("keys-on")?.checked ?? true;
const oneKeyOn = () => byId("one-key-on")?.checked ?? true;

function submit() {
  const button = byId("submit");
  if (button && !button.disabled) button.click();
}

function group(radio) {
  return [...byId("grade").querySelectorAll("input[type=radio]")].filter((other) => other.name === radio.name);
}

// Where several fields share a key it goes to the one under the keyboard, else to the first without an answer,
// else to the one answered last.
function target(radios) {
  const focused = document.activeElement?.matches(":focus-visible") ? document.activeElement.name : null;
  return (
    radios.find((radio) => radio.name === focused) ??
    radios.find((radio) => !group(radio).some((other) => other.checked)) ??
    radios.find((radio) => radio.name === last) ??
    radios[0]
  );
}

function choose(key) {
  const radios = [...(byId("grade")?.querySelectorAll("input[data-key]") ?? [])].filter((radio) => radio.dataset.key.toLowerCase() === key.toLowerCase());
  if (!radios.length) return false;
  const radio = target(radios);
  radio.checked = !(radio.checked && radio.closest("[data-optional]"));
  last = radio.name;
  radio.closest("label").scrollIntoView({ block: "nearest" });
  radio.dispatchEvent(new Event("change", { bubbles: true }));
  if (decides(radio)) {
    decidedAt = performance.now();
    submit();
  }
  return true;
}

// Where one answer is all that is asked for, its key grades and goes on, until she begins to write something else.
function decides(radio) {
  const { oneKey, begun } = byId("grade").dataset;
  return oneKey === radio.name && begun === undefined && oneKeyOn();
}

for (const change of ["input", "change"]) {
  document.addEventListener(change, ({ target }) => {
    if (target.form?.id === "grade" && target.name !== target.form.dataset.oneKey) target.form.dataset.begun = "";
  });
}

function go(step) {
  const all = [...document.querySelectorAll(stops)].filter((one) => one.checkVisibility());
  const here = all.findIndex((one) => one.contains(document.activeElement));
  const from = here < 0 ? all.indexOf(stop) : here;
  const next = all[from < 0 && step < 0 ? all.length - 1 : from + step];
  if (!next) return true;
  stop = next;
  const control = next.querySelector(":scope.field :is(input:checked, textarea, select)") ?? next.querySelector(":scope.field input") ?? next;
  if (control === next) next.tabIndex = -1;
  next.dataset.stop = "";
  control.focus({ focusVisible: true });
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function press(element) {
  element?.click();
  return Boolean(element);
}

function edit() {
  const boxes = [...document.querySelectorAll("[data-edit]")];
  const box = boxes.find((one) => one.open) ?? boxes[0];
  if (!box) return false;
  box.open = true;
  box.querySelector("textarea").focus();
  return true;
}

function show(id) {
  byId(id)?.togglePopover();
  return true;
}

// To a neighbour in the session, or back from there.
function follow(key) {
  const link = document.querySelector(`a[data-goto="${key}"]`);
  link?.click();
  return Boolean(link);
}

const commands = {
  Enter: () => (performance.now() - decidedAt < HABIT || submit(), true),
  e: edit,
  s: () => (byId("skip")?.requestSubmit(), true),
  S: () => show("skip-why"),
  h: () => follow("h"),
  l: () => follow("l"),
  "!": () => show("flag"),
  u: () => press(document.querySelector("[data-undo]")),
  b: () => press(byId("back")),
  j: () => go(1),
  k: () => go(-1),
  "?": () => show("keys"),
};

// A popover takes Escape itself, and gives the focus back.
function onWriting(event, element) {
  if (event.key === "Escape" && !element.closest("[popover]")) element.blur();
}

document.addEventListener("keydown", (event) => {
  // A popover that has just closed may still hold the focus, until the page is drawn anew; its keys are the page's.
  const element = event.target.checkVisibility?.() === false ? document.body : event.target;
  const chord = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
  if (event.defaultPrevented || event.isComposing) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !element.closest("[popover]")) {
    event.preventDefault();
    submit();
  } else if (element.matches?.(writing)) {
    onWriting(event, element);
  } else if (!chord && !event.repeat && keysOn() && !element.closest?.("[popover]")) {
    if (event.key === "Enter" && element.matches?.(native)) return;
    if (choose(event.key) || commands[event.key]?.()) event.preventDefault();
  }
});

// An optional answer can be taken back with the pointer too.
document.addEventListener("pointerdown", (event) => {
  const radio = event.target.closest?.("[data-optional] .option")?.querySelector("input");
  if (!radio?.checked) return;
  radio.closest(".option").addEventListener("click", (click) => { click.preventDefault(); setTimeout(() => { radio.checked = false; }); }, { once: true });
});

function remember(id, name) {
  const box = byId(id);
  if (!box) return;
  const show = () => document.body.classList.toggle(`no-${id}`, !box.checked);
  box.checked = localStorage.getItem(name) !== "1";
  box.addEventListener("change", () => { localStorage.setItem(name, box.checked ? "0" : "1"); show(); });
  show();
}

remember("keys-on", OFF);
remember("one-key-on", ONE_OFF);
