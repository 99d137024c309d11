/** The hub's answer to a question about a call, written for people: verb by verb. */

/** An element that shows the document; null for what is no TwiML. */
export function showTwiml(text) {
  const root = new DOMParser().parseFromString(text, "text/xml").documentElement;
  if (root?.nodeName !== "Response") return null;
  const list = showVerbs(root);
  if (!list.children.length) list.append(item("nothing more to do"));
  return list;
}

function showVerbs(element) {
  const list = document.createElement("ul");
  list.className = "verbs";
  for (const verb of element.children) {
    const line = item();
    const name = document.createElement("b");
    name.textContent = verb.nodeName;
    line.append(name, ...attributesOf(verb));
    const words = [...verb.childNodes]
      .filter((node) => node.nodeType === Node.TEXT_NODE)
      .map((node) => node.textContent)
      .join("")
      .trim();
    if (words) line.append(` ${verb.nodeName === "Say" ? `“${words}”` : shorten(words)}`);
    if (verb.children.length) line.append(showVerbs(verb));
    list.append(line);
  }
  return list;
}

function attributesOf(verb) {
  if (!verb.attributes.length) return [];
  const all = document.createElement("span");
  all.className = "quiet";
  all.textContent = ` ${[...verb.attributes]
    .map(({ name, value }) => `${name} ${shorten(value)}`)
    .join(", ")}`;
  return [all];
}

/** A web address without what is the same in all of them. */
const shorten = (text) => text.replace(/^https?:\/\/[^/]+/, "").replace(/#.*$/, "");

function item(text = "") {
  const element = document.createElement("li");
  element.textContent = text;
  return element;
}
