"use strict";
// Which rows are shown: those of the figure that was clicked, with the words that are searched for.
for (const box of document.querySelectorAll("details.rows")) {
  const rows = [...box.querySelectorAll("tbody tr")];
  const search = box.querySelector("input"), count = box.querySelector("span");
  box.show = (set) => {
    if (set !== undefined) box.dataset.set = set;
    const own = box.dataset.set, words = search.value.toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = (own && !row.classList.contains(own)) || !row.textContent.toLowerCase().includes(words);
      shown += !row.hidden;
    }
    count.textContent = `${shown} of ${rows.length} rows`;
    if (own) {
      const all = document.createElement("button");
      all.textContent = "show all";
      all.onclick = () => box.show("");
      count.append(" behind one figure ", all);
    }
  };
  search.oninput = () => box.show();
  box.show("");
}
for (const button of document.querySelectorAll("button[data-set]")) {
  button.onclick = () => {
    const box = document.querySelector(`#${button.dataset.result} details.rows`);
    box.open = true;
    box.show(button.dataset.set);
    box.scrollIntoView({ behavior: "smooth" });
  };
}
