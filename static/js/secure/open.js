// The token of a link stands behind the "#", which browsers send nowhere; it goes into the form.

const form = document.getElementById("open");
const token = form.elements.token;

token.value = window.location.hash.slice(1) || token.value;
document.getElementById("no-link").hidden = token.value !== "";
form.hidden = token.value === "";
for (const link of document.querySelectorAll("a.language")) link.hash = token.value;
