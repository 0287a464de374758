/* Small help for readers: everything that answers one prediction opens together, and wide things scroll by keyboard. */

const groupOf = (element) => [...element.classList].find((name) => name.includes("prediction-"))?.replace("tag_", "");
const answersOf = (group) =>
  document.querySelectorAll(`.tag_${group} details, details.${group}`);

for (const details of document.querySelectorAll("[class*='prediction-'] details, details[class*='prediction-']")) {
  const group = groupOf(details) ?? groupOf(details.closest(".cell"));
  details.addEventListener("toggle", () => {
    if (details.open) answersOf(group).forEach((other) => { other.open = true; });
  });
}

const answers = document.querySelectorAll(".bd-article details");
const openAll = () => answers.forEach((each) => { each.open = true; });
addEventListener("beforeprint", openAll);

const title = document.querySelector(".bd-article h1 + p");
if (answers.length && title?.querySelector(".button, .download")) {
  const button = document.createElement("button");
  button.className = "unfold";
  button.textContent = "Open all answers";
  button.addEventListener("click", () => {
    const open = button.textContent.startsWith("Open");
    answers.forEach((each) => { each.open = open; });
    button.textContent = open ? "Fold all answers" : "Open all answers";
  });
  title.append(button);
}

/* A button on each block of code copies it, also where the page comes from a stick or a school's server. */
const copy = async (text) => {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.body.appendChild(document.createElement("textarea"));
  field.value = text;
  field.select();
  document.execCommand("copy");
  field.remove();
};
for (const pre of document.querySelectorAll(".bd-article .highlight:not(.output *, .cell_output *) > pre")) {
  const button = document.createElement("button");
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await copy(pre.textContent);
    button.textContent = "Copied";
    button.focus();
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  pre.after(button);
}

/* What is wider than its box scrolls, so the keyboard must reach it. */
const letScroll = () => {
  for (const box of document.querySelectorAll(".katex-display, .output pre, .highlight pre, .pst-scrollable-table-container")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};
addEventListener("load", letScroll);
addEventListener("resize", letScroll);
document.addEventListener("toggle", letScroll, true);
