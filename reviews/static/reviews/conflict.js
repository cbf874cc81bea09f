// The keys of the conflict page: o, t and m only bring the focus to a choice, Ctrl+Enter presses the one that has it.
const writing = "textarea, input:not([type=radio]):not([type=hidden])";
const keysOn = localStorage.getItem("gradebench.keys-off") !== "1";
const choices = [...document.querySelectorAll("#decide button[data-key]")];
const merge = choices.find((button) => button.value === "merged");

function focus(button) {
  button.scrollIntoView({ block: "nearest" });
  button.focus();
}

function press(element) {
  // Whoever writes in the box is about to send it; elsewhere nothing is pressed that has not been looked at.
  const chosen = element.matches("textarea[form=decide]") ? merge : choices.find((button) => button === element);
  if (chosen) chosen.click();
  else focus(choices[0]);
}

document.addEventListener("keydown", (event) => {
  const element = event.target;
  if (event.defaultPrevented || event.isComposing || !choices.length || element.closest?.("[popover]")) return;
  const chord = event.ctrlKey || event.metaKey || event.altKey;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    press(element);
  } else if (event.key === "Enter" && element.matches?.("input[type=radio]")) {
    // An answer about a grade is no decision.
    event.preventDefault();
  } else if (element.matches?.(writing)) {
    if (event.key === "Escape") element.blur();
  } else if (!chord && !event.repeat && keysOn) {
    const button = choices.find((choice) => choice.dataset.key === event.key.toLowerCase());
    if (!button) return;
    event.preventDefault();
    focus(button);
  }
});

// One press decides once.
document.getElementById("decide")?.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
});
window.addEventListener("pageshow", () => delete document.getElementById("decide")?.dataset.sent);

document.getElementById("errors")?.focus();
