/*
 * Small things that all views are made of.  Text always goes in as text, never as
 * markup.
 */

const $ = id => document.getElementById(id);

function make(tag, className, ...content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

const digits = new Intl.NumberFormat("en-US");
const count = n => digits.format(n);
const plural = (n, one, many = one + "s") => `${count(n)} ${n === 1 ? one : many}`;

/* Microseconds as people write them. */
function duration(us) {
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 1e6) return `${(us / 1e3).toFixed(us < 1e4 ? 1 : 0)} ms`;
  if (us < 6e7) return `${(us / 1e6).toFixed(us < 1e7 ? 2 : 1)} s`;
  const s = Math.round(us / 1e6);
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  return `${Math.floor(s / 3600)} h ${String(Math.floor(s / 60) % 60).padStart(2, "0")} min`;
}

function pathElement(path) {
  const cut = path.lastIndexOf("/") + 1, element = make("span", "name path");
  if (!path) return make("span", "dim", "(no name)");
  if (cut) element.append(make("span", "dir", path.slice(0, cut)));
  element.append(make("span", "base", path.slice(cut)));
  element.title = path;
  return element;
}

function link(text, className, act) {
  const element = make("button", "link " + className, text);
  element.type = "button";
  element.addEventListener("click", act);
  return element;
}

const ROW = 26;

/*
 * A table of any length of which only what is seen exists.  columns: {title, kind,
 * sort, first: "descending"}; show(item) gives the cells; choose(item) opens one.
 */
class List {
  constructor({ label, className, columns, show, choose, sort, descending = false, keys, resort }) {
    Object.assign(this, { className, columns, show, choose, sort, descending, keys, resort });
    this.items = [];
    this.at = 0;
    this.chosen = -1;
    this.element = make("div", "grid");
    this.element.setAttribute("role", "grid");
    this.element.setAttribute("aria-label", label);
    this.heads = make("div", "heads " + className);
    this.heads.setAttribute("role", "row");
    this.rows = make("div", "rows");
    this.rows.tabIndex = 0;
    this.space = make("div", "space");
    this.rows.append(this.space);
    this.element.append(this.heads, this.rows);
    this.live = new Map();
    this.makeHeads();
    this.rows.addEventListener("scroll", () => this.draw(), { passive: true });
    this.rows.addEventListener("keydown", e => this.key(e));
    this.rows.addEventListener("click", e => this.click(e));
    new ResizeObserver(() => this.draw()).observe(this.rows);
  }

  makeHeads() {
    this.heads.replaceChildren(...this.columns.map((column, i) => {
      const cell = make("span", column.kind);
      cell.setAttribute("role", "columnheader");
      if (column.sort) {
        const button = make("button", "", column.title);
        button.type = "button";
        button.addEventListener("click", () => this.sortBy(i));
        cell.append(button);
        cell.setAttribute("aria-sort", this.sort !== i ? "none" : this.descending ? "descending" : "ascending");
      } else {
        cell.append(column.title);
      }
      if (column.help) cell.title = column.help;
      return cell;
    }));
  }

  sortBy(i) {
    this.descending = this.sort === i ? !this.descending : this.columns[i].first === "descending";
    this.sort = i;
    this.makeHeads();
    this.resort();
  }

  /* Sorts as the heads say; what is equal stays in its order. */
  order(items) {
    const by = this.columns[this.sort]?.sort;
    if (!by) return items;
    const sign = this.descending ? -1 : 1;
    return items.sort((a, b) => {
      const x = by(a), y = by(b);
      return x < y ? -sign : x > y ? sign : 0;
    });
  }

  set(items) {
    this.items = items;
    this.at = 0;
    this.space.style.height = `${items.length * ROW}px`;
    this.element.setAttribute("aria-rowcount", items.length);
    for (const row of this.live.values()) row.remove();
    this.live.clear();
    this.rows.scrollTop = 0;
    this.rows.querySelector(".empty")?.remove();
    if (!items.length) this.rows.append(make("p", "empty", "Nothing fits."));
    this.draw();
  }

  draw() {
    const top = this.rows.scrollTop, height = this.rows.clientHeight || 0;
    const from = Math.max(0, Math.floor(top / ROW) - 6);
    const to = Math.min(this.items.length, Math.ceil((top + height) / ROW) + 6);
    for (const [i, row] of this.live)
      if (i < from || i >= to) {
        row.remove();
        this.live.delete(i);
      }
    for (let i = from; i < to; i++)
      if (!this.live.has(i)) this.live.set(i, this.makeRow(i));
  }

  makeRow(i) {
    const row = make("div", "row " + this.className);
    row.setAttribute("role", "row");
    row.setAttribute("aria-rowindex", i + 1);
    row.id = `${this.className}-${i}`;
    row.style.top = `${i * ROW}px`;
    row.dataset.i = i;
    this.show(this.items[i]).forEach((content, k) => {
      const cell = make("span", this.columns[k].kind);
      cell.setAttribute("role", "gridcell");
      cell.append(content);
      row.append(cell);
    });
    this.mark(row, i);
    this.space.append(row);
    return row;
  }

  mark(row, i) {
    row.classList.toggle("at", i === this.at);
    row.setAttribute("aria-selected", this.items[i] === this.chosen);
  }

  remark() {
    for (const [i, row] of this.live) this.mark(row, i);
    this.rows.setAttribute("aria-activedescendant", `${this.className}-${this.at}`);
  }

  setChosen(item) {
    this.chosen = item;
    this.remark();
  }

  goto(i) {
    this.at = Math.max(0, Math.min(this.items.length - 1, i));
    const top = this.at * ROW, seen = this.rows.clientHeight;
    if (top < this.rows.scrollTop) this.rows.scrollTop = top;
    else if (top + ROW > this.rows.scrollTop + seen) this.rows.scrollTop = top + ROW - seen;
    this.draw();
    this.remark();
  }

  click(e) {
    const row = e.target.closest(".row");
    if (!row) return;
    this.goto(+row.dataset.i);
    this.choose(this.items[this.at], e);
  }

  key(e) {
    const page = Math.max(1, Math.floor(this.rows.clientHeight / ROW) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (e.ctrlKey || e.metaKey || e.altKey || !this.items.length) return;
    if (e.key in steps) this.goto(this.at + steps[e.key]);
    else if (e.key === "Enter" || e.key === " ") this.choose(this.items[this.at], e);
    else if (!this.keys?.(e.key, this.items[this.at])) return;
    e.preventDefault();
  }
}
