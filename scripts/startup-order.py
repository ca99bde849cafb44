#!/usr/bin/env python3
"""Writes Sources/autosquash-map/startup-order.txt: the symbols that the map touches from its start
to its answer, in that order. The linker puts them side by side, so that the map touches few pages.

  scripts/startup-order.py            needs valgrind; run it when the map or the toolchain has changed

Outdated names do no harm: the map only starts some ten microseconds later.
"""
import bisect
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ORDER = os.path.join(ROOT, "Sources/autosquash-map/startup-order.txt")


def run(*command, **options):
    return subprocess.run(command, check=True, cwd=ROOT, **options)


def build(folder):
    """A map with symbols but without debug information, which valgrind cannot read."""
    run("make", "-s", "build")
    program = os.path.join(folder, "map")
    run("strip", "--strip-debug", "-o", program, ".build/release/autosquash-map")
    return program


def symbols(program):
    """(start, end, name) of all symbols, in the order of their starts."""
    table = []
    listing = run("nm", "-S", "--defined-only", program, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        fields = line.split(None, 3)
        if len(fields) == 4:
            start, size = int(fields[0], 16), int(fields[1], 16)
            table.append((start, start + max(size, 1), fields[3]))
    return sorted(table)


def addresses(program, folder):
    """Every address that is executed, read or written, in the order of first use."""
    images = os.path.join(folder, "images")
    os.mkdir(images)
    # The map reads only the 96 bytes of the superblock.
    source = os.path.join(folder, "source")
    os.mkdir(source)
    run("mksquashfs", source, os.path.join(images, "x.squash"), "-quiet", "-no-progress")
    with open(os.path.join(folder, "conf"), "w") as file:
        file.write(f"images = {images}\nmount-root = {folder}/mounts\n")
    trace = os.path.join(folder, "trace")
    subprocess.run(
        ["valgrind", "--tool=lackey", "--trace-mem=yes", f"--log-file={trace}", program, "x"],
        check=True, cwd=folder, stdout=subprocess.DEVNULL,
        env={"AUTOSQUASH_CONFIG": os.path.join(folder, "conf")} | os.environ)
    seen = set()
    with open(trace) as file:
        for line in file:
            found = re.match(r"(?:I | L| S| M) +([0-9a-f]+),", line)
            if found and found[1] not in seen:
                seen.add(found[1])
                yield int(found[1], 16)


def main():
    with tempfile.TemporaryDirectory() as folder:
        program = build(folder)
        table = symbols(program)
        starts = [entry[0] for entry in table]
        order = {}
        for address in addresses(program, folder):
            index = bisect.bisect_right(starts, address) - 1
            if index >= 0 and address < table[index][1]:
                order[table[index][2]] = True
    with open(ORDER, "w") as file:
        file.write("\n".join(order) + "\n")
    print(f"{len(order)} names in {os.path.relpath(ORDER, ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
