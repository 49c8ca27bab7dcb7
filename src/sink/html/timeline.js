/*
 * The timeline: one bar for each process, children below their parents, each in the
 * first lane that is free.
 */

const AXIS = 20;

class Timeline {
  constructor(canvas, data, { choose, range }) {
    Object.assign(this, { canvas, choose, range });
    this.processes = data.processes;
    this.whole = Math.max(1, data.run.took, this.lastEnd());
    this.from = 0;
    this.to = this.whole;
    this.chosen = -1;
    this.pointed = -1;
    this.drag = null;
    this.layOut();
    this.nameColours();
    for (const type of ["pointerdown", "pointermove", "pointerup", "pointerleave", "pointercancel", "dblclick", "wheel", "keydown"])
      canvas.addEventListener(type, e => this[type](e), { passive: false });
    canvas.addEventListener("focus", () => this.later());
    canvas.addEventListener("blur", () => this.later());
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.later());
  }

  lastEnd() {
    return this.processes.reduce((max, p) => Math.max(max, p.end), 0);
  }

  layOut() {
    const free = []; // when each lane is free again
    this.lane = new Uint32Array(this.processes.length);
    for (const p of this.processes) {
      let lane = p.parent >= 0 ? this.lane[p.parent] + 1 : 0;
      while (free[lane] > p.start) lane++;
      free[lane] = Math.max(p.end, p.start + 1);
      this.lane[p.number] = lane;
    }
    this.lanes = Math.max(1, free.length);
    for (let i = 0; i < free.length; i++) free[i] ??= 0;
    this.height = Math.max(3, Math.min(17, Math.floor(200 / this.lanes)));
    this.canvas.style.height = `${AXIS + this.lanes * this.height + 4}px`;
    this.byLane = Array.from({ length: this.lanes }, () => []);
    for (const p of this.processes) this.byLane[this.lane[p.number]].push(p);
  }

  /* The programs that took longest have colours of their own. */
  nameColours() {
    const took = new Map();
    for (const p of this.processes) took.set(p.name, (took.get(p.name) || 0) + p.took);
    this.top = [...took].sort((a, b) => b[1] - a[1]).slice(0, 6).map(([name]) => name);
    this.colour = new Map(this.top.map((name, i) => [name, `--c${i}`]));
    this.others = took.size > this.top.length;
  }

  resize() {
    const scale = devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    this.canvas.width = Math.round(this.width * scale);
    this.canvas.height = Math.round(this.canvas.clientHeight * scale);
    this.draw();
  }

  later() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  x(time) {
    return (time - this.from) / (this.to - this.from) * this.width;
  }

  time(x) {
    return this.from + x / this.width * (this.to - this.from);
  }

  draw() {
    const style = getComputedStyle(document.documentElement), css = name => style.getPropertyValue(name);
    const g = this.canvas.getContext("2d"), scale = devicePixelRatio || 1;
    this.frame = null;
    if (!this.width) return;
    g.setTransform(scale, 0, 0, scale, 0, 0);
    g.clearRect(0, 0, this.width, this.canvas.clientHeight);
    this.drawAxis(g, css);
    g.font = `11px ${css("--mono") || "monospace"}`;
    g.textBaseline = "middle";
    const colours = new Map([...this.colour].map(([name, variable]) => [name, css(variable)]));
    const other = css("--c6"), text = css("--onbar");
    this.byLane.forEach((list, lane) => this.drawLane(g, list, lane, colours, other, text));
    this.outline(g, this.pointed, css("--dim"), 1);
    this.outline(g, this.chosen, css("--focus"), 2);
    if (this.drag?.moved) {
      const a = Math.min(this.drag.start, this.drag.now), b = Math.max(this.drag.start, this.drag.now);
      g.fillStyle = css("--focus");
      g.globalAlpha = 0.22;
      g.fillRect(a, 0, b - a, this.canvas.clientHeight);
      g.globalAlpha = 1;
    }
  }

  drawAxis(g, css) {
    const span = this.to - this.from, about = span / Math.max(2, this.width / 110);
    const power = 10 ** Math.floor(Math.log10(about)), step = [1, 2, 5, 10].map(n => n * power).find(n => n >= about);
    g.font = "11px system-ui, sans-serif";
    g.textBaseline = "alphabetic";
    for (let t = Math.ceil(this.from / step) * step; t <= this.to; t += step) {
      const x = Math.round(this.x(t)) + 0.5, label = t === 0 ? "0" : this.tick(t, step);
      g.strokeStyle = css("--line");
      g.beginPath();
      g.moveTo(x, 0);
      g.lineTo(x, this.canvas.clientHeight);
      g.stroke();
      g.fillStyle = css("--dim");
      if (x + 4 + g.measureText(label).width < this.width) g.fillText(label, x + 4, 12);
    }
  }

  tick(t, step) {
    if (step < 1000) return `${count(Math.round(t * 10) / 10)} µs`;
    if (step < 1e6 && this.to < 1e6) return `${count(Math.round(t / 1e3))} ms`;
    return `${(t / 1e6).toFixed(Math.max(0, -Math.floor(Math.log10(step / 1e6))))} s`;
  }

  drawLane(g, list, lane, colours, other, text) {
    const y = AXIS + lane * this.height, h = this.height > 4 ? this.height - 1 : this.height;
    let drawnTo = -1; // of bars too small to be told apart only some are drawn
    for (const p of list) {
      if (p.end < this.from || p.start > this.to) continue;
      const a = Math.max(-2, this.x(p.start)), b = Math.min(this.width + 2, this.x(p.end)), w = Math.max(b - a, 1);
      if (a + w < drawnTo + 0.5) continue;
      drawnTo = a + w;
      g.fillStyle = colours.get(p.name) || other;
      g.fillRect(a, y, w > 3 ? w - 0.5 : w, h);
      if (w < 26 || h < 11) continue;
      g.save();
      g.beginPath();
      g.rect(a, y, w - 3, h);
      g.clip();
      g.fillStyle = text;
      g.fillText(p.name, Math.max(a, 0) + 4, y + h / 2 + 0.5);
      g.restore();
    }
  }

  outline(g, number, colour, width) {
    const p = this.processes[number];
    if (!p || p.end < this.from || p.start > this.to) return;
    const a = Math.max(-4, this.x(p.start)), b = Math.min(this.width + 4, this.x(p.end));
    g.strokeStyle = colour;
    g.lineWidth = width;
    g.strokeRect(a, AXIS + this.lane[number] * this.height, Math.max(2, b - a), Math.max(3, this.height - 1));
    g.lineWidth = 1;
  }

  /* The process at a place, or the nearest one within some pixels. */
  at(x, y) {
    const list = this.byLane[Math.floor((y - AXIS) / this.height)], time = this.time(x), slack = this.time(x + 3) - time;
    let best = -1, bestAway = Infinity;
    for (const p of list || []) {
      const away = time < p.start ? p.start - time : time > p.end ? time - p.end : 0;
      if (away <= slack && away < bestAway) {
        best = p.number;
        bestAway = away;
      }
    }
    return best;
  }

  show(from, to) {
    const span = Math.min(this.whole, Math.max(20, to - from));
    this.from = Math.max(0, Math.min(this.whole - span, from));
    this.to = this.from + span;
    this.range(this.from, this.to, span < this.whole);
    this.later();
  }

  zoom(factor, x = this.width / 2) {
    const centre = this.time(x);
    this.show(centre - (centre - this.from) * factor, centre + (this.to - centre) * factor);
  }

  move(part) {
    const by = (this.to - this.from) * part;
    this.show(this.from + by, this.to + by);
  }

  setChosen(number) {
    const p = this.processes[number];
    this.chosen = number;
    if (p && (p.end < this.from || p.start > this.to)) {
      const span = this.to - this.from;
      this.show(p.start - span / 2, p.start + span / 2);
    }
    this.later();
  }

  place(e) {
    const box = this.canvas.getBoundingClientRect();
    return [e.clientX - box.left, e.clientY - box.top];
  }

  point(number, e) {
    this.pointed = number;
    this.later();
    this.tip?.(number, e);
  }

  pointerdown(e) {
    if (e.button) return;
    const [x] = this.place(e);
    this.drag = { start: x, now: x, moved: false };
    this.canvas.setPointerCapture(e.pointerId);
  }

  pointermove(e) {
    const [x, y] = this.place(e);
    if (!this.drag) return this.point(this.at(x, y), e);
    this.drag.now = Math.max(0, Math.min(this.width, x));
    this.drag.moved ||= Math.abs(x - this.drag.start) > 4;
    this.point(-1, e);
  }

  pointerup(e) {
    const drag = this.drag, [x, y] = this.place(e);
    this.drag = null;
    if (!drag) return;
    if (drag.moved) {
      const [a, b] = [drag.start, drag.now].map(at => this.time(at)).sort((p, q) => p - q);
      this.show(a, b);
    } else if (this.at(x, y) >= 0) {
      this.choose(this.at(x, y));
    }
    this.later();
  }

  pointerleave(e) {
    this.point(-1, e);
  }

  pointercancel() {
    this.drag = null;
    this.later();
  }

  dblclick(e) {
    this.zoom(0.4, this.place(e)[0]);
  }

  wheel(e) {
    if (e.ctrlKey || e.metaKey) this.zoom(Math.exp(Math.max(-60, Math.min(60, e.deltaY)) / 150), this.place(e)[0]);
    else if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) this.move((e.deltaX || e.deltaY) / this.width);
    else return;
    e.preventDefault();
  }

  keydown(e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const keys = {
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), "0": () => this.show(0, this.whole),
      ArrowLeft: () => this.move(-0.2), ArrowRight: () => this.move(0.2),
      ArrowDown: () => this.step(1), ArrowUp: () => this.step(-1), Enter: () => this.pointed >= 0 && this.choose(this.pointed),
    };
    if (!keys[e.key]) return;
    keys[e.key]();
    e.preventDefault();
    e.stopPropagation();
  }

  /* To the next process in the order of their births. */
  step(by) {
    const from = this.pointed >= 0 ? this.pointed : this.chosen;
    const next = Math.max(0, Math.min(this.processes.length - 1, from + by));
    const p = this.processes[next];
    if (!p) return;
    if (p.start < this.from || p.start > this.to) this.show(p.start - (this.to - this.from) / 2, p.start + (this.to - this.from) / 2);
    this.point(next, null);
  }
}
