// After a swap: focus and place. When the server cannot be reached: a sentence, and nothing lost.
const trouble = document.getElementById("trouble");

function say(words) {
  trouble.textContent = words;
  trouble.hidden = !words;
}

function settle(review) {
  if (review.dataset.title) document.title = review.dataset.title;
  const errors = review.querySelector("#errors");
  const answer = review.querySelector("#answer");
  window.scrollTo({ top: 0, behavior: "instant" });
  if (errors) {
    errors.focus({ preventScroll: true });
  } else if (answer) {
    // A short conversation stays in view together with its answer; a long one begins at the answer.
    if (answer.getBoundingClientRect().top > window.innerHeight * 0.6) answer.scrollIntoView({ block: "start", behavior: "instant" });
    answer.focus({ preventScroll: true });
  }
}

// What the screen asks by itself (live.js) is not something she submitted.
const looks = (event) => event.detail.elt.matches?.("[data-look]");

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!looks(event)) say("");
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "review") settle(event.target);
});
for (const failure of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => {
    if (!looks(event)) say("Not submitted: the server did not answer. Your work is still here. Submit again in a moment.");
  });
}

function refusal(xhr) {
  // An outage comes with a sentence of the server's own.
  if ((xhr.getResponseHeader("Content-Type") || "").startsWith("text/plain")) return `${xhr.responseText} Your work is still here.`;
  if (xhr.status === 403) return "Not submitted: this page is too old. Copy your words, reload, and submit again.";
  if (xhr.status >= 500) return `Not submitted: something broke on the server (${xhr.status}). Your work is still here. Submit again in a moment.`;
  return `Not submitted: the server refused it (${xhr.status}). Your work is still here. Reload to see what is open.`;
}

document.addEventListener("htmx:responseError", (event) => {
  if (!looks(event)) say(refusal(event.detail.xhr));
  else if (event.detail.xhr.status === 401) say("You are signed out. Your work is still here: copy it, then sign in again.");
});
