/*
 * The blocks of data, as sink/html.h has them, in columns: typed arrays and strings.
 * The second one is read bit by bit once the page is there, or when it is asked for.
 */

const FLAGS = ["read", "written", "created", "deleted", "renamed", "listed", "looked at", "executed",
  "attributes set", "not found", "denied", "connected", "directory", "symbolic link"];
const FLAG_DENIED = 1 << 10, FLAG_DIRECTORY = 1 << 12;

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  number() {
    const bytes = this.bytes;
    let value = 0, scale = 1, byte;
    do {
      byte = bytes[this.at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    return value;
  }
  string() {
    const length = this.number();
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

/* Any bytes as text that is one line, keeps its direction and can be told from any other. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ODD = /[\x00-\x1f\x7f-\x9f\\\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const SHORT = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\" };

function escaped(c) {
  const code = c.charCodeAt(0);
  return SHORT[c] || (code < 0x80 ? "\\x" + code.toString(16).padStart(2, "0")
    : "\\u" + code.toString(16).padStart(4, "0"));
}

function sequenceLength(bytes, at) {
  const b = bytes[at];
  return b < 0x80 ? 1 : b >= 0xc2 && b < 0xe0 ? 2 : b >= 0xe0 && b < 0xf0 ? 3 : b >= 0xf0 && b < 0xf5 ? 4 : 0;
}

function brokenText(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const n = sequenceLength(bytes, at);
    try {
      if (!n || at + n > bytes.length) throw new TypeError();
      text += decoder.decode(bytes.subarray(at, at + n)).replace(ODD, escaped);
      at += n;
    } catch {
      text += "\\x" + bytes[at++].toString(16).padStart(2, "0");
    }
  }
  return text;
}

function textOf(bytes) {
  try {
    return decoder.decode(bytes).replace(ODD, escaped);
  } catch {
    return brokenText(bytes);
  }
}

function splitArguments(bytes) {
  const words = [];
  for (let at = 0; at < bytes.length;) {
    let end = bytes.indexOf(0, at);
    if (end < 0) end = bytes.length;
    words.push(textOf(bytes.subarray(at, end)));
    at = end + 1;
  }
  return words;
}

/* As one would type it, so that the ends of words are seen. */
function shellWords(words) {
  return words.map(w => /^[\w@%+=:,./~^-]+$/.test(w) ? w : "'" + w.replace(/'/g, "'\\''") + "'").join(" ");
}

class Growing {
  constructor(type) {
    this.array = new type(4096);
    this.length = 0;
  }
  push(value) {
    if (this.length === this.array.length) {
      const bigger = new this.array.constructor(this.length * 2);
      bigger.set(this.array);
      this.array = bigger;
    }
    this.array[this.length++] = value;
  }
  done() {
    return this.array.subarray(0, this.length);
  }
}

function readFiles(r) {
  const count = r.number();
  const files = {
    count, path: new Array(count), mount: new Uint16Array(count), role: new Uint8Array(count),
    flags: new Uint32Array(count), calls: new Float64Array(count), failed: new Float64Array(count),
    first: new Float64Array(count), last: new Float64Array(count), users: new Uint32Array(count),
    start: new Uint32Array(count + 1),
  };
  let name = new Uint8Array(8192);
  for (let i = 0; i < count; i++) {
    const same = r.number(), rest = r.string(), length = same + rest.length;
    if (length > name.length) {
      const bigger = new Uint8Array(length * 2);
      bigger.set(name);
      name = bigger;
    }
    name.set(rest, same);
    files.path[i] = textOf(name.subarray(0, length));
    files.mount[i] = r.number();
    files.role[i] = r.number();
    files.flags[i] = r.number();
    files.calls[i] = r.number();
    files.failed[i] = r.number();
    files.first[i] = r.number();
    files.last[i] = files.first[i] + r.number();
    files.users[i] = r.number();
  }
  return files;
}

function readProcesses(r) {
  const list = [];
  for (let n = r.number(), i = 0; i < n; i++) {
    const p = { number: i, pid: r.number(), parent: r.number() - 1, start: r.number(), took: r.number(),
      status: r.number(), calls: r.number(), failed: r.number(), files: r.number(), name: textOf(r.string()), exe: textOf(r.string()),
      cwd: textOf(r.string()), execs: [], children: [], depth: 0 };
    for (let k = r.number(); k > 0; k--)
      p.execs.push({ time: p.start + r.number(), exe: textOf(r.string()), cut: r.number() === 1, argv: r.string() });
    p.end = p.start + p.took;
    list.push(p);
  }
  for (const p of list)
    if (p.parent >= 0 && p.parent < p.number) {
      list[p.parent].children.push(p.number);
      p.depth = list[p.parent].depth + 1;
    }
  return list;
}

/* Which uses each process has: numbers of uses, and where those of each begin. */
function byProcess(uses, processes) {
  const start = new Uint32Array(processes.length + 1), order = new Uint32Array(uses.count);
  for (let i = 0; i < uses.count; i++) start[uses.process[i] + 1]++;
  for (let i = 0; i < processes.length; i++) start[i + 1] += start[i];
  const at = start.slice();
  for (let i = 0; i < uses.count; i++) order[at[uses.process[i]]++] = i;
  return { start, order };
}

const SIX_BITS = new Uint8Array(128);
[..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].forEach((c, i) => { SIX_BITS[c.charCodeAt(0)] = i; });

class Base64 {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.bytes = new Uint8Array(text.length / 4 * 3);
  }
  /* Goes on for some characters, a multiple of four; true when all is done. */
  decode(characters) {
    const { text, bytes } = this, end = Math.min(text.length, this.at + characters), code = i => SIX_BITS[text.charCodeAt(i)];
    for (let i = this.at, to = i / 4 * 3; i < end; i += 4, to += 3) {
      const bits = code(i) << 18 | code(i + 1) << 12 | code(i + 2) << 6 | code(i + 3);
      bytes[to] = bits >> 16;
      bytes[to + 1] = bits >> 8;
      bytes[to + 2] = bits;
    }
    this.at = end;
    return end === text.length;
  }
}

class Uses {
  constructor(text, files) {
    this.files = files;
    this.base64 = new Base64(text);
    this.reader = new Reader(this.base64.bytes);
    this.next = 0; // file
    for (const [key, type] of [["file", Uint32Array], ["process", Uint32Array], ["op", Uint8Array], ["error", Uint16Array], ["calls", Float64Array], ["first", Float64Array]])
      this[key] = new Growing(type);
    this.to = new Map();
    this.ready = false;
  }

  readFile(i) {
    const r = this.reader;
    let process = 0;
    this.files.start[i] = this.file.length;
    for (let n = r.number(); n > 0; n--) {
      const step = r.number();
      process += step & 1 ? -(step + 1) / 2 : step / 2;
      this.file.push(i);
      this.process.push(process);
      this.op.push(r.number());
      this.error.push(r.number());
      this.calls.push(r.number());
      this.first.push(this.files.first[i] + r.number());
      if (r.number()) this.to.set(this.file.length - 1, textOf(r.string()));
    }
  }

  /* Works for some milliseconds; true when all is done. */
  read(milliseconds) {
    const end = performance.now() + milliseconds, files = this.files;
    while (performance.now() < end) {
      if (this.base64.at < this.base64.text.length) this.base64.decode(1 << 16);
      else if (this.next < files.count) for (let k = 0; k < 8 && this.next < files.count; k++) this.readFile(this.next++);
      else return this.finish();
    }
    return false;
  }

  finish() {
    this.files.start[this.files.count] = this.file.length;
    for (const key of ["file", "process", "op", "error", "calls", "first"]) this[key] = this[key].done();
    this.count = this.file.length;
    this.ready = true;
    return true;
  }
}

function load(text) {
  const [first, second] = text.split(" "), base64 = new Base64(first);
  base64.decode(Infinity);
  const r = new Reader(base64.bytes), run = JSON.parse(new TextDecoder().decode(r.string())), files = readFiles(r);
  return { run, files, processes: readProcesses(r), uses: new Uses(second, files) };
}

/* A process's arguments are only made into text when somebody looks. */
function commandOf(p) {
  const exec = p.execs[p.execs.length - 1];
  if (!exec) return "";
  exec.words ??= splitArguments(exec.argv);
  return shellWords(exec.words) + (exec.cut ? " …" : "");
}
