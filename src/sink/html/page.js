/* The page: what is shown where, and what happens when somebody chooses something. */

const data = load($("data").textContent);
$("data").remove();
const { run, files, uses, processes } = data;
const roleNumber = Object.fromEntries(run.roles.map(([word], i) => [word, i]));
const indexOf = new Map(files.path.map((path, i) => [path, i]));
const lower = files.path.map(path => path.toLowerCase());
const plain = name => typeof name === "string" ? name.replace(ODD, escaped) : textOf(Uint8Array.from(name.hex.match(/../g), h => parseInt(h, 16)));
const programs = processes.map(p => p.name || "?");
const state = { tab: "files", filter: "", role: "", under: "", process: -1, file: -1, proc: -1 };

/* The target names of renames and links: who made this name out of another. */
const madeBy = new Map();

function linkUses() {
  data.of = byProcess(uses, processes);
  for (const [use, to] of uses.to) {
    const file = indexOf.get(to);
    if (file === undefined || file === uses.file[use]) continue;
    if (!madeBy.has(file)) madeBy.set(file, []);
    madeBy.get(file).push(use);
  }
}

/* Who wants to know who did what may be earlier than we. */
function needUses() {
  if (uses.ready) return;
  uses.read(Infinity);
  linkUses();
}

function readOn() {
  if (uses.ready) return;
  if (uses.read(8)) linkUses();
  else setTimeout(readOn, 4);
}

/* wait(2)'s status, and two more; see sink/html.h */
function ending(code) {
  if (code < 2) return code ? "still running" : "unknown";
  const status = code - 2, signal = status & 127;
  return signal ? `killed by signal ${signal}` : `status ${status >> 8}`;
}

const EPERM = 1, EACCES = 13;
const failedEnding = code => code > 2 || code === 0;
const errorWord = code => code === 0 ? "" : code === 1 ? "not finished" : run.errors[code - 1] || `error ${code - 1}`;
const roleElement = role => make("span", `role r-${run.roles[role][0]}`, run.roles[role][0]);
const didWords = flags => FLAGS.filter((_, i) => flags & 1 << i && 1 << i !== FLAG_DIRECTORY).join(", ");

function showHeader() {
  const attached = run.attached.length > 0;
  const command = attached ? `attached to PID ${run.attached.join(", ")}` : shellWords(run.command.map(plain));
  document.title = `${command.slice(0, 80)} – whatfiles`;
  $("command").textContent = command;
  $("command").title = command;
  $("verdict").textContent = run.complete ? "Complete record" : "Incomplete record";
  $("verdict").className = run.complete ? "" : "bad";
  const cwd = plain(run.cwd_hex ? { hex: run.cwd_hex } : run.cwd);
  const when = run.started ? new Date(run.started).toISOString().replace("T", " ").slice(0, 19) + " UTC" : "";
  $("facts").textContent = [`in ${cwd}`, when, attached ? "" : `ended with ${ending(run.status)}`].filter(Boolean).join(" · ");
  for (const [kind, list] of [["gap", run.gaps], ["note", run.notes]])
    for (const g of list)
      $("gaps").append(make("li", kind, g.what + (g.count > 1 ? ` (${count(g.count)} times)` : "") +
        (g.example ? `: ${plain(g.example_hex ? { hex: g.example_hex } : g.example)}` : "")));
  $("made").textContent = `whatfiles ${run.version}, engine ${run.engine || "unknown"}`;
}

function showNumbers() {
  const calls = run.fast + run.strict, share = calls ? `${(100 * run.fast / calls).toFixed(1)} % without a stop` : "";
  const byRole = new Array(run.roles.length).fill(0);
  let denied = 0;
  for (let i = 0; i < files.count; i++) {
    byRole[files.role[i]]++;
    if (files.flags[i] & FLAG_DENIED) denied++;
  }
  const tile = (number, label, help) => {
    const element = make("div", "", make("b", "", number), make("span", "", label));
    element.title = help || label;
    return element;
  };
  $("numbers").append(tile(duration(run.took), "duration"),
    tile(count(processes.length), "processes", `${plural(run.execs, "program start")}, ${plural(run.threads, "thread")}`),
    tile(count(calls), "file calls", share), tile(count(files.count), "file names"));
  for (const [word, label] of [["input", "inputs"], ["output", "outputs"], ["modified", "modified"], ["temporary", "temporary"], ["missing", "not found"], ["denied", "denied"]]) {
    const number = word === "denied" ? denied : byRole[roleNumber[word]];
    const button = make("button", "", make("b", "", count(number)), make("span", "", label));
    button.type = "button";
    button.dataset.role = word;
    button.title = word === "denied" ? "Names that somebody was refused" : run.roles[roleNumber[word]][1];
    button.addEventListener("click", () => {
      state.role = state.role === word ? "" : word;
      openTab("files");
    });
    $("numbers").append(button);
  }
  $("role").append(new Option("all", ""), ...run.roles.map(([word], i) => [word, byRole[i]]).filter(([, n]) => n)
    .map(([word, n]) => new Option(`${word} (${count(n)})`, word)));
  if (denied) $("role").append(new Option(`denied (${count(denied)})`, "denied"));
}

/* --- lists --- */

const filesList = new List({
  label: "Files", className: "files", sort: 0, resort: () => refresh(), choose: i => go("f", i),
  columns: [
    { title: "Name", kind: "", sort: i => i },
    { title: "Role", kind: "", sort: i => run.roles[files.role[i]][0] },
    { title: "What was done", kind: "wide dim" },
    { title: "Processes", kind: "num wide", sort: i => files.users[i], first: "descending", help: "How many processes named it" },
    { title: "Calls", kind: "num", sort: i => files.calls[i], first: "descending" },
    { title: "First at", kind: "num mid", sort: i => files.first[i], help: "Time from the start of the run to the first call" },
  ],
  show: i => [pathElement(files.path[i]), roleElement(files.role[i]), didWords(files.flags[i]), count(files.users[i]), count(files.calls[i]), duration(files.first[i])],
});

const procsList = new List({
  label: "Processes", className: "procs", sort: 3, resort: () => refresh(), choose: i => go("p", i),
  columns: [
    { title: "Program", kind: "", sort: i => programs[i] },
    { title: "PID", kind: "num wide", sort: i => processes[i].pid },
    { title: "Command", kind: "" },
    { title: "Started", kind: "num mid", sort: i => processes[i].start },
    { title: "Took", kind: "num", sort: i => processes[i].took, first: "descending" },
    { title: "Files", kind: "num wide", sort: i => processes[i].files, first: "descending" },
    { title: "Calls", kind: "num wide", sort: i => processes[i].calls, first: "descending" },
    { title: "Ended", kind: "mid", sort: i => processes[i].status },
  ],
  show: i => {
    const p = processes[i], name = make("span", "name", programs[i]), command = make("span", "name dim", commandOf(p));
    if (procsList.sort === 3 && !procsList.descending && !state.filter) name.style.paddingLeft = `${Math.min(p.depth, 12) * 12}px`;
    return [name, p.pid, command, duration(p.start), duration(p.took), count(p.files), count(p.calls),
      make("span", failedEnding(p.status) ? "bad" : "dim", ending(p.status))];
  },
});

/* Directories: a tree of names with the calls below each, made when it is first looked at. */
let tree = null;
const openDirs = new Set();

function makeTree() {
  const root = { name: "", path: "", calls: 0, files: 0, dirs: new Map(), leaves: [] };
  for (let i = 0; i < files.count; i++) {
    let node = root;
    const parts = files.path[i].split("/"), last = parts.pop();
    node.calls += files.calls[i];
    node.files++;
    for (const part of parts) {
      let next = node.dirs.get(part);
      if (!next) node.dirs.set(part, next = { name: part + "/", path: node.path + part + "/", calls: 0, files: 0, dirs: new Map(), leaves: [] });
      node = next;
      node.calls += files.calls[i];
      node.files++;
    }
    node.leaves.push({ name: last || ".", file: i, calls: files.calls[i], files: 0 });
  }
  const top = fold(root);
  for (const kid of top.kids) if (kid.kids) openDirs.add(kid.path);
  return top;
}

/* A directory with nothing but one other in it stands in one line with that. */
function fold(node) {
  let kids = [...node.dirs.values()].map(fold);
  if (kids.length === 1 && !node.leaves.length && node.name) {
    const [kid] = kids;
    return { ...kid, name: node.name + kid.name };
  }
  kids = kids.concat(node.leaves).sort((a, b) => b.calls - a.calls);
  return { name: node.name, path: node.path, calls: node.calls, files: node.files, kids };
}

function treeRows() {
  const rows = [], words = filterWords();
  const fits = node => node.file !== undefined && fileFits(node.file, words);
  const add = (node, depth, force) => {
    for (const kid of node.kids) {
      if (words.length && !(kid.kids ? anyFits(kid, fits) : fits(kid))) continue;
      kid.depth = depth;
      rows.push(kid);
      if (kid.kids && (openDirs.has(kid.path) || force)) add(kid, depth + 1, force);
    }
  };
  add(tree, 0, words.length > 0);
  return rows;
}

function anyFits(node, fits) {
  return node.kids.some(kid => kid.kids ? anyFits(kid, fits) : fits(kid));
}

function toggle(node, open = !openDirs.has(node.path)) {
  if (!node.kids || open === openDirs.has(node.path)) return false;
  if (open) openDirs.add(node.path);
  else openDirs.delete(node.path);
  const top = dirsList.rows.scrollTop, at = dirsList.at;
  dirsList.set(treeRows());
  dirsList.rows.scrollTop = top;
  dirsList.goto(at);
  return true;
}

const dirsList = new List({
  label: "Directories", className: "dirs", resort: () => {}, sort: -1,
  choose: (node, e) => {
    if (!node.kids) return go("f", node.file);
    if (e?.target?.closest?.(".under")) return setUnder(node.path);
    toggle(node);
  },
  keys: (key, node) => key === "ArrowRight" ? toggle(node, true) || true : key === "ArrowLeft" ? toggle(node, false) || true
    : key === "f" && node.kids ? (setUnder(node.path), true) : false,
  columns: [
    { title: "Name, by calls", kind: "" },
    { title: "Part of all calls", kind: "mid" },
    { title: "Calls", kind: "num" },
    { title: "Files", kind: "num" },
  ],
  show: node => {
    const name = make("span", "tree"), meter = make("div", "meter"), fill = make("i");
    name.style.paddingLeft = `${Math.min(node.depth, 24) * 14}px`;
    name.append(make("span", "toggle", node.kids ? openDirs.has(node.path) || filterWords().length ? "▾" : "▸" : ""), make("span", "name", node.name));
    name.title = node.kids ? node.path : files.path[node.file];
    fill.style.width = `${tree.calls ? 100 * node.calls / tree.calls : 0}%`;
    meter.append(fill);
    meter.title = `${(tree.calls ? 100 * node.calls / tree.calls : 0).toFixed(1)} % of all calls`;
    const number = node.kids ? link(count(node.files), "under", () => {}) : "";
    if (number) number.title = "List the files below";
    return [name, meter, count(node.calls), number];
  },
});

const lists = { files: filesList, dirs: dirsList, procs: procsList };

/* --- filters --- */

const filterWords = () => state.filter.toLowerCase().split(/\s+/).filter(Boolean);
const fileFits = (i, words) => words.every(word => lower[i].includes(word));

function shownFiles() {
  const words = filterWords(), role = state.role && state.role !== "denied" ? roleNumber[state.role] : -1;
  const mine = state.process < 0 ? null : new Set(usesOf(state.process).map(use => uses.file[use]));
  const out = [];
  for (let i = 0; i < files.count; i++)
    if ((role < 0 || files.role[i] === role) && (state.role !== "denied" || files.flags[i] & FLAG_DENIED) &&
        (!state.under || files.path[i].startsWith(state.under)) && (!mine || mine.has(i)) && fileFits(i, words))
      out.push(i);
  return out;
}

function shownProcesses() {
  const words = filterWords();
  return processes.map((_, i) => i).filter(i => !words.length ||
    (text => words.every(word => text.includes(word)))(`${programs[i]} ${processes[i].pid} ${commandOf(processes[i])}`.toLowerCase()));
}

function showChips() {
  const chips = [];
  const chip = (text, clear) => {
    const button = make("button", "chip", text + "  ×");
    button.type = "button";
    button.title = "Take this filter away: " + text;
    button.addEventListener("click", () => { clear(); refresh(); });
    chips.push(button);
  };
  if (state.under) chip(`under ${state.under}`, () => { state.under = ""; });
  if (state.process >= 0) chip(`by ${programs[state.process]}, PID ${processes[state.process].pid}`, () => { state.process = -1; });
  $("chips").replaceChildren(...(state.tab === "files" ? chips : []));
}

function refresh() {
  const list = lists[state.tab];
  let items, what, all;
  if (state.tab === "files") [items, what, all] = [filesList.order(shownFiles()), "name", files.count];
  else if (state.tab === "procs") [items, what, all] = [procsList.order(shownProcesses()), "process", processes.length];
  else items = treeRows();
  list.set(items);
  $("shown").textContent = all === undefined ? "" : items.length === all ? plural(all, what, what === "process" ? "processes" : "names")
    : `${count(items.length)} of ${plural(all, what, what === "process" ? "processes" : "names")}`;
  $("role").value = state.role;
  $("role-label").hidden = state.tab !== "files";
  for (const button of $("numbers").querySelectorAll("button")) button.setAttribute("aria-pressed", state.tab === "files" && state.role === button.dataset.role);
  showChips();
}

function openTab(tab) {
  state.tab = tab;
  if (tab === "dirs") tree ??= makeTree();
  for (const name of Object.keys(lists)) {
    $(`tab-${name}`).setAttribute("aria-selected", name === tab);
    $(`tab-${name}`).tabIndex = name === tab ? 0 : -1;
  }
  $("panel").setAttribute("aria-labelledby", `tab-${tab}`);
  $("panel").replaceChildren(lists[tab].element);
  refresh();
}

function setUnder(path) {
  state.under = path;
  openTab("files");
}

/* --- details --- */

function usesOf(process) {
  needUses();
  return Array.from(data.of.order.subarray(data.of.start[process], data.of.start[process + 1]));
}

function factList(...pairs) {
  const list = make("dl");
  for (const [term, value] of pairs)
    if (value !== "" && value !== null && value !== undefined) list.append(make("dt", "", term), make("dd", "", value));
  return list;
}

function detailTop(title) {
  const close = make("button", "chip close", "Back");
  close.type = "button";
  close.addEventListener("click", closeDetail);
  return make("div", "top", make("h2", "name", title), close);
}

const processLink = i => link(`${programs[i]}, PID ${processes[i].pid}`, "name", () => go("p", i));
const fileLink = path => indexOf.has(path) ? link(path, "name", () => go("f", indexOf.get(path))) : make("span", "name", path);

function useCells(use, first) {
  const error = errorWord(uses.error[use]), op = make("span", uses.error[use] === EPERM + 1 || uses.error[use] === EACCES + 1 ? "bad" : error ? "dim" : "", run.ops[uses.op[use]][0] + (error ? ` ${error}` : "") +
    (uses.to.has(use) ? ` → ${uses.to.get(use).replace(/.*\//, "")}` : ""));
  op.title = run.ops[uses.op[use]][1] + (uses.to.has(use) ? `: ${uses.to.get(use)}` : "");
  return [first, op, duration(uses.first[use]), count(uses.calls[use])];
}

const useColumns = title => [
  { title, kind: "" }, { title: "Operation", kind: "" }, { title: "First at", kind: "num mid" }, { title: "Calls", kind: "num" },
];

function usesList(label, title, items, first, choose) {
  const list = new List({ label, className: "uses", columns: useColumns(title), sort: -1, resort: () => {}, choose, show: use => useCells(use, first(use)) });
  queueMicrotask(() => list.set(items));
  return list.element;
}

function fileDetail(i) {
  needUses();
  const f = files, inner = make("div", "inner", detailTop(f.path[i])), own = [];
  for (let use = f.start[i]; use < f.start[i + 1]; use++) own.push(use);
  inner.append(factList(["Role", make("span", "", roleElement(f.role[i]), `: ${run.roles[f.role[i]][1]}`)],
    ["Kind", f.flags[i] & FLAG_DIRECTORY ? "directory" : ""], ["What was done", didWords(f.flags[i])],
    ["Calls", `${count(f.calls[i])}${f.failed[i] ? `, of which ${count(f.failed[i])} failed` : ""}, by ${plural(f.users[i], "process", "processes")}`],
    ["From – to", `${duration(f.first[i])} – ${duration(f.last[i])}`],
    ["Opened", own.length || madeBy.has(i) ? "" : "by whoever started the command"],
    ["Mounts", f.mount[i] ? `another mount namespace (no. ${f.mount[i]})` : ""]));
  for (const use of own.filter(u => uses.to.has(u)).slice(0, 4))
    inner.append(factList([run.ops[uses.op[use]][0], make("span", "", "to ", fileLink(uses.to.get(use)))]));
  for (const use of (madeBy.get(i) || []).slice(0, 4))
    inner.append(factList([run.ops[uses.op[use]][0], make("span", "", "from ", fileLink(f.path[uses.file[use]]), " by ", processLink(uses.process[use]))]));
  const list = usesList("Who touched it", "Who", own, use => {
    const p = uses.process[use];
    return make("span", "name", `${programs[p]} ${processes[p].pid}`);
  }, use => go("p", uses.process[use]));
  $("detail").replaceChildren(inner, list);
}

function processDetail(i) {
  const p = processes[i], inner = make("div", "inner", detailTop(`${programs[i]}, PID ${p.pid}`));
  const only = link("list them with filters", "", () => { state.process = i; state.role = ""; openTab("files"); closeDetail(); });
  if (p.execs.length) inner.append(make("div", "code", commandOf(p)));
  const kids = make("span", "children", ...p.children.slice(0, 40).map(processLink));
  if (p.children.length > 40) kids.append(`and ${count(p.children.length - 40)} more`);
  inner.append(factList(["Program", p.exe ? fileLink(p.exe) : "none, forked only"], ["Directory", make("span", "name", p.cwd)],
    ["Time", `${duration(p.start)} – ${duration(p.end)}, took ${duration(p.took)}`], ["Ended", make("span", failedEnding(p.status) ? "bad" : "", ending(p.status))],
    ["Parent", p.parent >= 0 ? processLink(p.parent) : ""], ["Children", p.children.length ? kids : ""],
    ["Files", make("span", "", `${count(p.files)}, in ${plural(p.calls, "call")}${p.failed ? ` (${count(p.failed)} failed)` : ""}; `, only)]));
  if (p.execs.length > 1)
    inner.append(factList(["Before", make("span", "name", p.execs.slice(0, -1).map(e => e.exe).join(", "))]));
  const list = usesList("What it touched", "What", usesOf(i), use => pathElement(files.path[uses.file[use]]), use => go("f", uses.file[use]));
  $("detail").replaceChildren(inner, list);
}

function nothingChosen() {
  $("detail").replaceChildren(make("p", "empty", "Choose a file to see who touched it, or a process to see what it touched."));
}

function closeDetail() {
  $("detail").classList.remove("open");
  lists[state.tab].rows.focus({ preventScroll: true });
}

/* Everything that is chosen goes through the address, so that Back works. */
function go(kind, number) {
  const hash = `#${kind}${number}`;
  if (location.hash === hash) showChosen();
  else location.hash = hash;
}

function showChosen() {
  const [, kind, number] = /^#([fp])(\d+)$/.exec(location.hash) || [], i = Number(number);
  const file = kind === "f" && i < files.count, process = kind === "p" && i < processes.length;
  if (file) fileDetail(i);
  else if (process) processDetail(i);
  else nothingChosen();
  $("detail").classList.toggle("open", file || process);
  filesList.setChosen(file ? i : -1);
  procsList.setChosen(process ? i : -1);
  timeline.setChosen(process ? i : -1);
}

/* --- timeline and keys --- */

const timeline = new Timeline($("canvas"), data, {
  choose: i => go("p", i),
  range: (from, to, part) => { $("range").textContent = part ? `${duration(from)} – ${duration(to)}` : ""; },
});

timeline.tip = (number, e) => {
  const tip = $("tip"), p = processes[number], box = $("time").getBoundingClientRect();
  tip.hidden = !p;
  if (!p) return;
  tip.replaceChildren(make("b", "", `${programs[number]}, PID ${p.pid}`), ` · ${duration(p.start)}, took ${duration(p.took)} · ${ending(p.status)} · ${plural(p.files, "file")}`,
    make("code", "name", commandOf(p)));
  const canvas = $("canvas").getBoundingClientRect();
  const x = e ? e.clientX - box.left : canvas.left - box.left + timeline.x(Math.max(p.start, timeline.from));
  const y = e ? e.clientY - box.top : canvas.top - box.top + AXIS + timeline.lane[number] * timeline.height;
  tip.style.left = `${Math.max(8, Math.min(x + 12, box.width - tip.offsetWidth - 8))}px`;
  tip.style.top = `${y + 18}px`;
};

function showLegend() {
  $("legend").append(...timeline.top.map((name, i) => {
    const dot = make("i");
    dot.style.background = `var(--c${i})`;
    return make("span", "", dot, name || "?");
  }));
  if (!timeline.others) return;
  const dot = make("i");
  dot.style.background = "var(--c6)";
  $("legend").append(make("span", "", dot, "others"));
}

function pageKey(e) {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName);
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === "Escape") {
    if (e.target === $("filter") && state.filter) { $("filter").value = state.filter = ""; refresh(); }
    else closeDetail();
    return;
  }
  if (e.target === $("filter") && (e.key === "ArrowDown" || e.key === "Enter")) {
    lists[state.tab].rows.focus();
    e.preventDefault();
  }
  if (typing) return;
  const tab = { 1: "files", 2: "dirs", 3: "procs" }[e.key];
  if (e.key === "/") $("filter").focus();
  else if (e.key === "t") $("canvas").focus();
  else if (tab) { openTab(tab); lists[tab].rows.focus(); }
  else return;
  e.preventDefault();
}

function tabKey(e) {
  const names = Object.keys(lists), step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
  if (!step) return;
  const next = names[(names.indexOf(state.tab) + step + names.length) % names.length];
  openTab(next);
  $(`tab-${next}`).focus();
}

showHeader();
showNumbers();
showLegend();
for (const name of Object.keys(lists)) $(`tab-${name}`).addEventListener("click", () => openTab(name));
$("tabs").addEventListener("keydown", tabKey);
$("filter").addEventListener("input", () => { state.filter = $("filter").value; refresh(); });
$("role").addEventListener("change", () => { state.role = $("role").value; refresh(); });
$("zoom-in").addEventListener("click", () => timeline.zoom(0.5));
$("zoom-out").addEventListener("click", () => timeline.zoom(2));
$("zoom-all").addEventListener("click", () => timeline.show(0, timeline.whole));
document.addEventListener("keydown", pageKey);
addEventListener("hashchange", showChosen);
$("broken").remove();
$("app").hidden = false;
openTab("files");
showChosen();
document.documentElement.dataset.ready = Math.round(performance.now());
setTimeout(readOn, 50);
