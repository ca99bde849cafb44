#!/usr/bin/env python3
"""Draws docs/speed.svg, bucket.svg, mount.svg and xz-curve.svg from the tables in Benchmarks/results.

    plot.py
"""

import os
import re
from html import escape

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = os.path.join(HERE, "results")
DOCS = os.path.join(os.path.dirname(HERE), "docs")
COLOURS = ["#1f6f8b", "#e08e45", "#8a8f98", "#b9bec6"]
LABEL, PLOT, BAR, GAP = 210, 430, 17, 15


def tables(name):
    """The first table under each title of a file: rows by their first cell, each a list of cells."""
    found, title = {}, None
    with open(os.path.join(RESULTS, name), encoding="utf-8") as file:
        for line in file:
            if line.startswith("### "):
                title = line[4:].strip()
                found[title] = {}
            elif line.startswith("|") and title and not line.startswith("|--"):
                cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
                found[title].setdefault(cells[0], cells[1:])
    return found


def bars(title, note, groups, series):
    """Horizontal bars: `groups` are (label, [(value, text) or None for each series])."""
    height = 58 + sum(
        GAP + BAR * sum(bar is not None for bar in values) for _, values in groups) + 24
    width = LABEL + PLOT + 110
    largest = max(bar[0] for _, values in groups for bar in values if bar)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="system-ui, sans-serif" font-size="12.5" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="22" font-size="15" font-weight="600" fill="#16384f">{escape(title)}</text>',
    ]
    x = 12
    for name, colour in zip(series, COLOURS):
        out.append(f'<rect x="{x}" y="34" width="11" height="11" fill="{colour}"/>')
        out.append(f'<text x="{x + 16}" y="44" fill="#33444f">{escape(name)}</text>')
        x += 34 + 7 * len(name)
    y = 58
    for label, values in groups:
        y += GAP / 2
        count = sum(bar is not None for bar in values)
        out.append(
            f'<text x="{LABEL - 8}" y="{y + BAR * count / 2 + 4:g}" text-anchor="end" '
            f'fill="#33444f">{escape(label)}</text>')
        for bar, colour in zip(values, COLOURS):
            if bar is None:
                continue
            length = max(1.5, PLOT * bar[0] / largest)
            out.append(
                f'<rect x="{LABEL}" y="{y + 1:g}" width="{length:.1f}" height="{BAR - 2}" '
                f'fill="{colour}"/>')
            out.append(
                f'<text x="{LABEL + length + 6:.1f}" y="{y + BAR - 4:g}" fill="#33444f">'
                f"{escape(bar[1])}</text>")
            y += BAR
        y += GAP / 2
    out.append(f'<text x="12" y="{height - 9}" font-size="11.5" fill="#5b6b76">{escape(note)}</text>')
    return "\n".join(out) + "\n</svg>\n"


def speed():
    found = tables("pack.md")
    groups = []
    for title, rows in found.items():
        name, _, rest = title.partition(", ")
        if rest not in ("xz", "from a .tar.gz, xz"):
            continue
        if rest == "xz":
            names = ["mksquashfs", "gensquashfs", None]
        else:
            names = ["unpack, fakeroot mksquashfs", None, "tar2sqfs"]
            name += ".tar.gz"
        # CPU time: other work on the machine disturbs it least.
        seconds = {peer: float(cells[1]) for peer, cells in rows.items()
                   if cells[1].replace(".", "").isdigit()}
        best = min(seconds[peer] for peer in names if peer)
        values = [
            (seconds[peer] / best, f"{seconds[peer] / best:.2f}") if peer else None
            for peer in ["autosquash", *names]]
        groups.append((name, values))
    return bars(
        "Processor time to make an xz image",
        "The best peer's is 1; shorter is better. make bench",
        groups, ["autosquash", "mksquashfs (from a tarball: with tar and fakeroot)", "gensquashfs",
                 "tar2sqfs"])


def bucket():
    rows = next(rows for title, rows in tables("s3.md").items() if "scientific" in title)
    images = ["xz, front, order", "zstd, front, order", "mksquashfs xz", "mksquashfs zstd"]
    groups = []
    for column, action in enumerate(rows["image"][1:], start=1):
        values = []
        for image in images:
            seconds = re.match(r"([\d.]+) s", rows[image][column])[1]
            values.append((float(seconds), f"{seconds} s"))
        groups.append((action.replace("`", ""), values))
    return bars(
        "From cold over a bucket: mount and …",
        "s3fs, 30 ms a request, 1 Gbit/s, a Python tree of 22,900 entries; shorter is better. make bench",
        groups, ["autosquash xz, front, order", "autosquash zstd, front, order", "mksquashfs xz",
                 "mksquashfs zstd"])


def mounts():
    rows = next(iter(tables("mount.md").values()))
    names = next(iter(rows.values()))[:4]
    groups = []
    for action, cells in list(rows.items())[1:]:
        seconds = [re.match(r"([\d.]+) s", cell)[1] for cell in cells[:4]]
        groups.append((action.strip("`"), [(float(value), f"{value} s") for value in seconds]))
    return bars(
        "From cold over a bucket: mount and …",
        "30 ms a request, 1 Gbit/s, zstd, tables in front, data in the program's order; shorter is "
        "better. make bench", groups, [name.replace("`", "") for name in names])


def curves():
    """Time against size for the kinds of blocks: for each the tree that has most of them."""
    kinds = {"code": ("machine code", []), "tables": ("tables of numbers", []),
             "text": ("repetitive text", []), "rich": ("rich text", [])}
    found = {}
    with open(os.path.join(RESULTS, "xz-curve.md"), encoding="utf-8") as file:
        for line in file:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if line.startswith("### "):
                tree = line[4:].strip()
            elif len(cells) == 6 and cells[0] in kinds:
                found.setdefault((cells[0], tree), []).append(
                    (float(cells[1]), cells[2], cells[3], float(cells[4]), float(cells[5])))
    for kind, (_, points) in kinds.items():
        most = max((rows for (name, _), rows in found.items() if name == kind), key=lambda r: r[0][0])
        points += [(time, size, nice) for _, nice, depth, time, size in most if depth == "16"]
    width, height, left, top, right, bottom = 640, 400, 70, 60, 150, 340
    every = [point for _, points in kinds.values() for point in points]
    # Relative to each kind's longest search, so that the curves share an axis.
    scaled = {kind: [(time, size / points[0][1], nice) for time, size, nice in points]
              for kind, (_, points) in kinds.items()}
    low, high = min(p[0] for p in every) - 0.02, max(p[0] for p in every) + 0.02
    most = max(p[1] for points in scaled.values() for p in points)
    x = lambda time: left + (time - low) / (high - low) * (width - left - right)
    y = lambda size: bottom - (size - 1) / (most - 1) * (bottom - top)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="system-ui, sans-serif" font-size="12.5" role="img">',
        "<title>xz: size against processor time</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        '<text x="12" y="22" font-size="15" font-weight="600" fill="#16384f">'
        "xz: size against processor time, for nice_len 60 to 24</text>",
        f'<line x1="{left}" y1="{bottom}" x2="{width - right}" y2="{bottom}" stroke="#8a8f98"/>',
        f'<line x1="{left}" y1="{top}" x2="{left}" y2="{bottom}" stroke="#8a8f98"/>',
        f'<text x="{left}" y="{bottom + 34}" fill="#33444f">time, as a part of preset 6</text>',
        f'<text x="12" y="{top - 12}" fill="#33444f">size, as a part of that with nice_len 60</text>',
    ]
    step = 0.1
    tick = int(low / step + 1) * step
    while tick < high:
        out.append(f'<text x="{x(tick):.1f}" y="{bottom + 16}" text-anchor="middle" fill="#33444f">'
                   f"{tick:.1f}</text>")
        tick += step
    for part in range(5):
        size = 1 + (most - 1) * part / 4
        out.append(f'<text x="{left - 6}" y="{y(size) + 4:.1f}" text-anchor="end" fill="#33444f">'
                   f"{size:.3f}</text>")
    for (kind, points), colour in zip(scaled.items(), ["#1f6f8b", "#e08e45", "#5a9367", "#8a4f7d"]):
        line = " ".join(f"{x(time):.1f},{y(size):.1f}" for time, size, _ in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for time, size, nice in points:
            out.append(f'<circle cx="{x(time):.1f}" cy="{y(size):.1f}" r="3" fill="{colour}">'
                       f"<title>nice_len {nice}</title></circle>")
        number = list(kinds).index(kind)
        out.append(f'<rect x="{width - right + 12}" y="{top + 22 * number}" width="11" height="11" '
                   f'fill="{colour}"/>')
        out.append(f'<text x="{width - right + 28}" y="{top + 10 + 22 * number}" fill="#33444f">'
                   f"{kinds[kind][0]}</text>")
    out.append(f'<text x="12" y="{height - 9}" font-size="11.5" fill="#5b6b76">'
               "Blocks of 128 KiB, depth 16; lower and further left is better. make bench</text>")
    return "\n".join(out) + "\n</svg>\n"


def main():
    pictures = (("speed.svg", speed), ("bucket.svg", bucket), ("mount.svg", mounts), ("xz-curve.svg", curves))
    for name, picture in pictures:
        with open(os.path.join(DOCS, name), "w", encoding="utf-8") as file:
            file.write(picture())


main()
