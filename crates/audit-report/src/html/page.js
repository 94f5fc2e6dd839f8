
"use strict";
(() => {
  const bindings = Array.from(document.querySelectorAll("details.binding"));
  const buttons = Array.from(document.querySelectorAll("button[data-verdict]"));
  const search = document.getElementById("search");
  const shown = document.getElementById("shown");
  // Read when it is first searched: not everyone who opens the page searches.
  let texts = null;

  const update = () => {
    const verdicts = new Set(buttons.filter((button) => button.getAttribute("aria-pressed") === "true").map((button) => button.dataset.verdict));
    const words = search.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    if (words.length > 0 && texts === null) {
      texts = bindings.map((binding) => binding.textContent.toLowerCase());
    }
    let count = 0;
    bindings.forEach((binding, index) => {
      const isShown = (verdicts.size === 0 || verdicts.has(binding.dataset.verdict)) && words.every((word) => texts[index].includes(word));
      binding.hidden = !isShown;
      count += isShown ? 1 : 0;
    });
    shown.value = `${count} of ${bindings.length} shown`;
  };

  for (const button of buttons) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      update();
    });
  }
  search.addEventListener("input", update);
  document.getElementById("controls").addEventListener("submit", (event) => event.preventDefault());

  // On paper nothing can be unfolded.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = bindings.filter((binding) => !binding.open);
    folded.forEach((binding) => { binding.open = true; });
  });
  addEventListener("afterprint", () => { folded.forEach((binding) => { binding.open = false; }); });

  document.getElementById("controls").hidden = false;
  update();
})();
