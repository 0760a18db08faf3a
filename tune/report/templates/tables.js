"use strict";
// A heading sorts its table: numbers by their size, words by their letters, dashes last.
for (const table of document.querySelectorAll("table.sortable")) {
  for (const [column, heading] of [...table.tHead.rows[0].cells].entries()) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const isDown = heading.getAttribute("aria-sort") === "descending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", isDown ? "ascending" : "descending");
      const key = (row) => row.cells[column].textContent.replace(/,/g, "");
      const compare = (one, other) => {
        const [a, b] = [key(one), key(other)];
        if (a === "–" || b === "–") return (a === "–") - (b === "–");
        const difference = parseFloat(a) - parseFloat(b);
        return (isDown ? 1 : -1) * (Number.isNaN(difference) ? a.localeCompare(b) : difference);
      };
      table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
    });
  }
}
