"use strict";
for (const table of document.querySelectorAll("table:not(.plain)")) {
  const heads = [...table.querySelectorAll("th")];
  heads.forEach((head, at) => head.addEventListener("click", () => {
    const key = (row) => {
      const cell = row.cells[at];
      return cell.dataset.sort === undefined ? cell.textContent.trim() : Number(cell.dataset.sort);
    };
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const numeric = rows.length > 0 && typeof key(rows[0]) === "number";
    // Figures start with the largest, names with the first.
    const was = head.getAttribute("aria-sort");
    const descending = was === "none" ? numeric : was === "ascending";
    rows.sort((a, b) => numeric ? key(a) - key(b) : key(a).localeCompare(key(b)));
    if (descending) rows.reverse();
    heads.forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    body.append(...rows);
  }));
}
