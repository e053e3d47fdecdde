"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const headers = [...table.tHead.rows[0].cells];
  const search = document.getElementById("search");
  const kind = document.getElementById("kind");
  const shown = document.getElementById("shown");
  const back = document.getElementById("back");
  const on = document.getElementById("on");
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const number = new Intl.NumberFormat("en");
  const texts = data.rows.map((row) => row.join("\n").toLowerCase());
  const inOrder = data.rows.map((_, index) => index);
  let ordered = inOrder;
  let found = inOrder;
  let first = 0;

  // Values are put in as text, never as markup: names, tags and messages may hold anything.
  function cell(text, column) {
    const td = document.createElement("td");
    if (column) {
      td.textContent = text;
      return td;
    }
    const chip = document.createElement("span");
    const mark = document.createElement("span");
    chip.className = "chip " + text;
    mark.ariaHidden = "true";
    mark.textContent = data.marks[text];
    chip.append(mark, " " + text);
    td.append(chip);
    return td;
  }

  function draw() {
    const page = found.slice(first, first + data.page);
    body.replaceChildren(...page.map((index) => {
      const tr = document.createElement("tr");
      tr.append(...data.rows[index].map(cell));
      return tr;
    }));
    const range = page.length ? `${number.format(first + 1)} to ${number.format(first + page.length)} of ` : "";
    shown.textContent = `${range}${number.format(found.length)} ${found.length === 1 ? "profile" : "profiles"}`;
    back.disabled = first === 0;
    on.disabled = first + data.page >= found.length;
  }

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = ordered.filter((index) =>
      (!kind.value || data.rows[index][0] === kind.value) && words.every((word) => texts[index].includes(word)));
    first = 0;
    draw();
  }

  function sort(column) {
    const before = headers[column].getAttribute("aria-sort");
    // Up, down, and back to the order in which the page has them: what needs attention first.
    const now = { none: "ascending", ascending: "descending", descending: "none" }[before];
    headers.forEach((header) => header.setAttribute("aria-sort", "none"));
    headers[column].setAttribute("aria-sort", now);
    const turned = now === "descending" ? -1 : 1;
    ordered = now === "none" ? inOrder : [...inOrder].sort(
      (one, other) => turned * collator.compare(data.rows[one][column], data.rows[other][column]) || one - other);
    filter();
  }

  function turn(by) {
    first += by;
    draw();
    table.parentElement.scrollTop = 0;
  }

  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    button.addEventListener("click", () => sort(column));
    header.replaceChildren(button);
    header.setAttribute("aria-sort", "none");
  });
  search.addEventListener("input", filter);
  kind.addEventListener("change", filter);
  back.addEventListener("click", () => turn(-data.page));
  on.addEventListener("click", () => turn(data.page));
  document.querySelectorAll(".tools").forEach((each) => { each.hidden = false; });
  // A browser may have kept what was typed before the page was loaded again.
  filter();
})();
