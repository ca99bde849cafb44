#!/usr/bin/env python3
"""Draws docs/overview.svg: the way from a tarball to the machines.

    picture.py            writes it
    picture.py --check    only checks that it is up to date
"""

import os
import sys
from html import escape

PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "docs/overview.svg")
BOX, GAP, HEIGHT = 190, 74, 108
# The title, the lines below it, and the step to the next station.
STATIONS = [
    ("my-tarball.tar.gz", ["or a directory", "thousands of files"], "pack"),
    ("my-tarball.squash", ["one file, xz", "all owned by root"], "verify, upload"),
    ("S3 bucket", ["autosquash/*.squash", "overlay/…"], "s3fs"),
    ("each machine", ["/mnt/autosquash/my-tarball", "mounted when it is used"], None),
]


def draw():
    width = len(STATIONS) * BOX + (len(STATIONS) - 1) * GAP + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + 20}" '
        f'width="{width}" height="{HEIGHT + 20}" font-family="system-ui, sans-serif" '
        'text-anchor="middle" role="img">',
        "<title>tarball, image, bucket, machine</title>",
        f'<rect width="{width}" height="{HEIGHT + 20}" fill="#ffffff"/>',
    ]
    x = 10
    for title, lines, step in STATIONS:
        middle = x + BOX / 2
        parts.append(
            f'<rect x="{x}" y="10" width="{BOX}" height="{HEIGHT}" rx="8" fill="#eef4f8" '
            'stroke="#2b5c7d" stroke-width="1.5"/>')
        parts.append(
            f'<text x="{middle:g}" y="44" font-size="15" font-weight="600" fill="#16384f">'
            f"{escape(title)}</text>")
        for number, line in enumerate(lines):
            parts.append(
                f'<text x="{middle:g}" y="{70 + 20 * number}" font-size="12.5" fill="#33444f">'
                f"{escape(line)}</text>")
        if step:
            start, end, y = x + BOX + 6, x + BOX + GAP - 6, 10 + HEIGHT / 2
            parts.append(
                f'<path d="M{start} {y:g}H{end - 8}" stroke="#2b5c7d" stroke-width="2"/>'
                f'<path d="M{end} {y:g}l-10 -5v10z" fill="#2b5c7d"/>')
            for number, word in enumerate(step.split(", ")):
                parts.append(
                    f'<text x="{(start + end) / 2:g}" y="{y - 10 if number == 0 else y + 20:g}" '
                    f'font-size="12.5" fill="#2b5c7d">{escape(word)}</text>')
        x += BOX + GAP
    return "\n".join(parts) + "\n</svg>\n"


def main():
    if "--check" in sys.argv:
        with open(PATH, encoding="utf-8") as file:
            sys.exit(0 if file.read() == draw() else "docs/overview.svg: run scripts/picture.py")
    with open(PATH, "w", encoding="utf-8") as file:
        file.write(draw())


main()
