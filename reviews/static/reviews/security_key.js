// Security keys and passkeys: asks the browser for one, and sends its answer with the form.
const ask = {
  create: (options) => navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) }),
  get: (options) => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }),
};

async function answer(form) {
  const { publicKey } = JSON.parse(form.dataset.options);
  const button = form.querySelector("button[type=submit]");
  const said = form.querySelector("[data-said]");
  button.disabled = true;
  said.hidden = true;
  try {
    const credential = await ask[form.dataset.key](publicKey);
    form.elements.credential.value = JSON.stringify(credential);
    form.submit();
  } catch {
    said.hidden = false;
    button.disabled = false;
    button.focus();
  }
}

for (const form of document.querySelectorAll("form[data-key]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    answer(form);
  });
}
