// The next item is fetched while this one is read. After a swap: focus and place. When the server cannot be reached: a
// sentence, and nothing lost.
const trouble = document.getElementById("trouble");
const MARK = "<!--undo-->";
const SOON = 300;
const RENEW = 60000;
let kept = null;
let claimedUntil = "";
let timer = 0;

// The item behind ----------------------------------------------------------------------------------------------------

async function fetchNext() {
  const review = document.getElementById("review");
  later(RENEW);
  if (!review?.dataset.prefetch || document.hidden) return;
  const token = review.querySelector("[name=csrfmiddlewaretoken]").value;
  const body = new URLSearchParams({ csrfmiddlewaretoken: token, have: kept?.ready ?? "" });
  const answer = await fetch(review.dataset.prefetch, { method: "POST", body }).catch(() => null);
  if (answer?.status !== 200) return;
  const html = await answer.text();
  const ready = /data-ready="([^"]+)"/.exec(html)?.[1];
  if (ready && review.isConnected) kept = { ready, html };
}

function later(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(fetchNext, milliseconds);
}

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (kept && detail.verb === "post") detail.parameters.ready = kept.ready;
});

// The server says “show what you have”, and adds what the kept fragment cannot know.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const ready = detail.xhr.getResponseHeader("X-Ready");
  if (!ready) return;
  if (kept?.ready !== ready) {
    detail.shouldSwap = false;
    location.assign(detail.xhr.getResponseHeader("HX-Push-Url"));
    return;
  }
  const [progress, undo] = detail.serverResponse.split(MARK);
  detail.serverResponse = progress + kept.html.replace(MARK, () => undo);
  detail.swapOverride = "outerHTML settle:0ms";
  claimedUntil = detail.xhr.getResponseHeader("X-Claimed-Until");
});

// The browser would lay out the old conversation together with the new one before it lets the old one go, which is felt
// where an answer is long. The form stays until then: htmx asks where it stands.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const reading = detail.shouldSwap && detail.target.id === "review" ? detail.target.querySelector(".reading") : null;
  if (reading && !reading.contains(detail.requestConfig.elt)) reading.remove();
});

// The time to undo runs out.
function runOut(root) {
  const form = root.querySelector("#undo form[data-seconds]");
  if (form) setTimeout(() => form.remove(), 1000 * Number(form.dataset.seconds));
}

if (document.readyState === "complete") later(SOON);
else window.addEventListener("load", () => later(SOON));
runOut(document);

// The forms swap with settle:0ms: between a swap and its settling a key would submit the new form without htmx.

// After a swap -------------------------------------------------------------------------------------------------------

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
  if (event.target.id !== "review") return;
  settle(event.target);
  runOut(event.target);
  if (claimedUntil) document.dispatchEvent(new CustomEvent("gradebench:claimed", { detail: claimedUntil }));
  claimedUntil = "";
  kept = null;
  later(SOON);
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
