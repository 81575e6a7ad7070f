"use strict";
const pages = JSON.parse(document.getElementById("pages").textContent);
const field = document.getElementById("words"), list = document.getElementById("found");
const count = document.getElementById("count");
const texts = pages.map(page => page.slice(1).join(" ").toLowerCase());
function score(i, words) {
  let sum = 0;
  for (const word of words) {
    if (!texts[i].includes(word)) return 0;
    const [, title, , heading] = pages[i].map(part => part.toLowerCase());
    sum += 1 + (title.includes(word) ? 8 : 0) + (heading.includes(word) ? 4 : 0);
    sum += title.split(".").pop() === word || heading === word ? 16 : 0;
  }
  return sum;
}
function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
function row(page, words) {
  const [file, title, anchor, heading, text] = page;
  const item = document.createElement("li");
  const link = element("a", heading && heading !== title ? title + ": " + heading : title);
  link.href = file + (anchor ? "#" + anchor : "");
  const at = Math.max(0, text.toLowerCase().indexOf(words[0]) - 60);
  item.append(link, element("p", (at ? "… " : "") + text.slice(at, at + 200)));
  return item;
}
function find() {
  const words = field.value.toLowerCase().split(/\s+/).filter(word => word);
  const scored = words.length ? pages.map((page, i) => [score(i, words), i]) : [];
  const found = scored.filter(([sum]) => sum > 0).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
  list.replaceChildren(...found.slice(0, 40).map(([, i]) => row(pages[i], words)));
  count.textContent = words.length ? found.length + (found.length > 40 ? " places, the first 40:" : " places") : "";
}
field.addEventListener("input", () => {
  find();
  try {
    history.replaceState(null, "", "#" + encodeURIComponent(field.value));
  } catch {} // a file in a browser that keeps its address
});
try {
  field.value = decodeURIComponent(location.hash.slice(1));
} catch {
  field.value = "";
}
find();
field.focus();
