/// The fixed parts of the page.
///
/// The script builds a directory's rows when it is opened, 500 at a time, so that a hundred
/// thousand entries open at once; a click on a file shows its mode, owner and SHA-256. `#q=WORD` in
/// the address searches for a word.
enum HTMLTemplate {
  static let head = #"""
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
    <title>TITLE</title>
    <style>
    :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
    body { margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem; }
    h1 { font-size: 1.3rem; }
    code { overflow-wrap: anywhere; }
    input { font: inherit; width: 100%; padding: .4rem .6rem; box-sizing: border-box; }
    ul { list-style: none; margin: 0; padding-left: 1.2rem; }
    #tree > ul, #found ul { padding-left: 0; }
    .row { display: flex; gap: .8rem; align-items: baseline; padding: 0 .3rem; border-radius: .2rem; }
    .row:hover { background: #8882; }
    .row > :first-child { flex: 1; min-width: 0; overflow-wrap: anywhere; }
    button { font: inherit; background: none; border: 0; padding: 0; color: inherit; text-align: left; cursor: pointer; }
    .dir::before { content: "▸ "; }
    .dir[aria-expanded=true]::before { content: "▾ "; }
    .file { padding-left: 1.1em; }
    .more { padding-left: 1.4em; font-size: .85rem; overflow-wrap: anywhere; opacity: .85; }
    .size, .time { white-space: nowrap; font-variant-numeric: tabular-nums; opacity: .75; }
    .size { min-width: 5rem; text-align: right; }
    </style>
    </head>
    <body>
    <h1>TITLE</h1>

    """#

  static let body = #"""
    <p id="sum"></p>
    <input id="q" type="search" placeholder="Search names" aria-label="Search names" autocomplete="off">
    <div id="found" aria-live="polite"></div>
    <div id="tree"></div>
    <noscript><p>This page needs JavaScript, which is all in it.</p></noscript>
    <script id="rows" type="application/json">[
    """#

  static let script = #"""

    ]</script>
    <script>
    "use strict";
    {
    const rows = JSON.parse(document.getElementById("rows").textContent);
    const [PARENT, NAME, TYPE, MODE, OWNER, TIME, SIZE, DETAIL] = [0, 1, 2, 3, 4, 5, 6, 7];
    const kids = rows.map(r => r[TYPE] === "dir" ? [] : null);
    for (let i = 1; i < rows.length; i++) kids[rows[i][PARENT]].push(i);
    const sums = rows.map(r => r[SIZE]);
    for (let i = rows.length - 1; i > 0; i--) sums[rows[i][PARENT]] += sums[i];
    const lower = rows.map(r => r[NAME].toLowerCase());
    const step = 500;

    function human(n) {
      if (n < 1000) return n + " B";
      let unit = -1;
      do { n /= 1000; unit++; } while (n >= 999.5 && unit < 5);
      return n.toPrecision(3) + " " + "kMGTPE"[unit] + "B";
    }
    function path(i) {
      const names = [];
      for (; i > 0; i = rows[i][PARENT]) names.push(rows[i][NAME]);
      return names.reverse().join("/") || "/";
    }
    function make(tag, name, text) {
      const element = document.createElement(tag);
      if (name) element.className = name;
      if (text !== undefined) element.textContent = text;
      return element;
    }
    function date(seconds) {
      const d = new Date(seconds * 1000), two = n => String(n).padStart(2, "0");
      return d.getFullYear() + "-" + two(d.getMonth() + 1) + "-" + two(d.getDate()) + " " +
        two(d.getHours()) + ":" + two(d.getMinutes());
    }
    function line(i, label) {
      const r = rows[i], row = make("div", "row");
      const name = make("button", kids[i] ? "dir" : "file", label);
      if (r[TYPE] === "link") name.textContent += " → " + r[DETAIL];
      name.setAttribute("aria-expanded", "false");
      row.append(name, make("span", "size", r[TYPE] === "file" || kids[i] ? human(sums[i]) : r[TYPE]),
        make("span", "time", date(r[TIME])));
      return [row, name];
    }
    function details(i) {
      const r = rows[i], more = make("div", "more");
      const what = ["mode " + r[MODE], "owner " + r[OWNER], r[SIZE].toLocaleString("en") + " bytes"];
      if (r[TYPE] !== "file") what[2] = r[TYPE] + (r[DETAIL] ? " " + r[DETAIL] : "");
      more.append(what.join(", "));
      if (r[TYPE] === "file") more.append(", sha256 ", make("code", "", r[DETAIL]));
      return more;
    }
    function fill(list, indices, from, label) {
      const end = Math.min(indices.length, from + step);
      for (let n = from; n < end; n++) list.append(item(indices[n], label));
      if (end < indices.length) {
        const more = make("li"), button = make("button", "", (indices.length - end) + " more …");
        button.onclick = () => { more.remove(); fill(list, indices, end, label); };
        more.append(button);
        list.append(more);
      }
    }
    function item(i, label) {
      const li = make("li"), [row, name] = line(i, label(i));
      li.append(row);
      name.onclick = () => {
        const opened = li.lastChild !== row;
        if (opened) li.lastChild.remove();
        else if (kids[i]) {
          const list = make("ul");
          fill(list, kids[i], 0, n => rows[n][NAME]);
          li.append(list);
        } else li.append(details(i));
        name.setAttribute("aria-expanded", String(!opened));
      };
      return li;
    }
    const files = rows.filter(r => r[TYPE] === "file").length;
    document.getElementById("sum").textContent =
      files + " files, " + kids.filter(Boolean).length + " directories, " + human(sums[0]);
    const first = make("ul");
    fill(first, kids[0], 0, n => rows[n][NAME]);
    document.getElementById("tree").append(first);

    const box = document.getElementById("q"), found = document.getElementById("found");
    function search() {
      const word = box.value.trim().toLowerCase();
      found.replaceChildren();
      document.getElementById("tree").hidden = word !== "";
      if (!word) return;
      const hits = [];
      for (let i = 1; i < rows.length; i++)
        if (word.includes("/") ? path(i).toLowerCase().includes(word) : lower[i].includes(word)) hits.push(i);
      found.append(make("p", "", hits.length === 1 ? "1 match" : hits.length + " matches"));
      const list = make("ul");
      fill(list, hits, 0, path);
      found.append(list);
    }
    let timer;
    box.oninput = () => { clearTimeout(timer); timer = setTimeout(search, 120); };
    function fromAddress() {
      if (!location.hash.startsWith("#q=")) return;
      const word = location.hash.slice(3);
      try { box.value = decodeURIComponent(word); } catch { box.value = word; }
      search();
    }
    addEventListener("hashchange", fromAddress);
    fromAddress();
    }
    </script>
    </body>
    </html>

    """#
}
