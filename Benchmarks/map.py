#!/usr/bin/env python3
"""Times the program map against a shell script and C programs that only look for the file.

    map.py MAP [--rounds N]

MAP is the static program of `make build`. The rounds alternate; the table has medians of three
runs. The last rows are of a folder that a program of FUSE serves, as s3fs does: there the map asks
in a second process, which may be left behind when nobody answers.
"""

import argparse
import os
import statistics
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def build(folder, images):
    """The programs that are compared, by their names in the table."""
    script = os.path.join(folder, "map.sh")
    with open(script, "w") as file:
        file.write(f"""#!/bin/sh
f="{images}/$1.squash"
[ -f "$f" ] && echo "-fstype=squashfs,loop,ro,nosuid,nodev :$f"
""")
    os.chmod(script, 0o755)
    peers = {"/bin/sh script": script}
    for name, flags in {"C": [], "C, static": ["-static"]}.items():
        path = os.path.join(folder, "map-c" + "".join(flags))
        subprocess.run(
            ["gcc", "-O2", f'-DIMAGES="{images}"', *flags, "-o", path,
             os.path.join(HERE, "map-peer.c")], check=True)
        peers[name] = path
    return peers


def compare(title, spawn, program, peers, root, images, rounds):
    settings = os.path.join(root, "autosquash.conf")
    mounts = os.path.join(root, "mounts")
    os.makedirs(mounts, exist_ok=True)
    with open(settings, "w") as file:
        file.write(f"images = {images}\nmount-root = {mounts}\n")
    names = {"autosquash-map": program} | peers
    runs = []
    for _ in range(3):
        output = subprocess.run(
            [spawn, str(rounds), "data", *names.values()], check=True, capture_output=True,
            text=True, cwd=mounts, env=os.environ | {"AUTOSQUASH_CONFIG": settings})
        runs.append([float(line) for line in output.stdout.split()])
    medians = [statistics.median(column) for column in zip(*runs)]
    print(f"\n### {title}\n\n| | ms | ratio to the script |\n|---|---|---|")
    for name, median in zip(names, medians):
        print(f"| {name} | {median:.3f} | {median / medians[1]:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("map")
    parser.add_argument("--rounds", type=int, default=300)
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.map)
    with tempfile.TemporaryDirectory() as root:
        images = os.path.join(root, "images")
        os.makedirs(os.path.join(root, "source"))
        os.mkdir(images)
        subprocess.run(
            ["mksquashfs", os.path.join(root, "source"), os.path.join(images, "data.squash"),
             "-quiet", "-no-progress"], check=True)
        spawn = os.path.join(root, "spawn")
        subprocess.run(
            ["gcc", "-O2", "-o", spawn, os.path.join(HERE, "map-spawn.c")], check=True)
        peers = build(root, images)
        compare("A folder on a local disk", spawn, program, peers, root, images, arguments.rounds)
        served = os.path.join(root, "served")
        os.mkdir(served)
        subprocess.run(["bindfs", "-r", images, served], check=True)
        try:
            peers = build(root, served)
            compare("A folder served by FUSE", spawn, program, peers, root, served,
                    arguments.rounds)
        finally:
            subprocess.run(["umount", "-l", served], check=True)


if __name__ == "__main__":
    main()
