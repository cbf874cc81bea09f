// Whoever signs in next on this computer finds nothing that was written here before.
for (const key of Object.keys(localStorage)) if (key.startsWith("gradebench.draft:")) localStorage.removeItem(key);
