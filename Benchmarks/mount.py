#!/usr/bin/env python3
"""A local image mounted by `autosquash mount`, by squashfuse_ll and by the kernel. Needs root.

    mount.py PROGRAM [--rounds N]

The image of bucket/mount.py. Each figure is from a new mount and an empty page cache, with the
image's file and the programs in memory; without the time to mount. Ways take turns; medians.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "bucket"))
import importlib.util  # noqa: E402

spec = importlib.util.spec_from_file_location("bucketmount", os.path.join(HERE, "bucket/mount.py"))
bucket = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bucket)

READ = ["sh", "-c", "tar -cf - . | cat >/dev/null"]


def readers(count):
    def run(root):
        running = [subprocess.Popen(READ, cwd=root) for _ in range(count)]
        if any(reader.wait() for reader in running):
            sys.exit("a reader failed")
    return run


ACTIONS = {
    "ls -lR": lambda root: subprocess.run(["ls", "-lR", root], **bucket.QUIET),
    bucket.CODE: lambda root: subprocess.run(bucket.s3.python(root, bucket.CODE), **bucket.QUIET),
    "1 reader of everything": readers(1),
    "4 readers of everything": readers(4),
}


def measure(program, way, path, action):
    with tempfile.TemporaryDirectory() as folder:
        command = {
            "`autosquash mount`": [program, "mount", path, folder],
            "squashfuse_ll": ["squashfuse_ll", path, folder],
            "the kernel": ["mount", "-t", "squashfs", "-o", "loop,ro", path, folder]}[way]
        subprocess.run(command, check=True)
        try:
            bucket.drop_caches(program)
            for name in (path, "/bin/tar", "/bin/sh"):
                subprocess.run(["cat", name], **bucket.QUIET)
            start = time.monotonic()
            action(folder)
            seconds = time.monotonic() - start
            return seconds, bucket.memory(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.program)
    path = bucket.image(program, bucket.trees.tree("bucket-python"))
    ways = ["`autosquash mount`", "squashfuse_ll", "the kernel"]
    figures = {(name, way): [] for name in ACTIONS for way in ways}
    for _ in range(arguments.rounds):
        for name, action in ACTIONS.items():
            for way in ways:
                figures[name, way].append(measure(program, way, path, action))
    print(f"\n### {os.path.getsize(path) / 1e6:.1f} MB\n")
    print("| | " + " | ".join(ways) + " | ratios |")
    print("|---" * 5 + "|")
    for name in ACTIONS:
        seconds = [statistics.median(run[0] for run in figures[name, way]) for way in ways]
        memory = max(run[1] for run in figures[name, ways[0]])
        cells = [f"{value:.2f} s" for value in seconds]
        cells[0] += f"; {memory / 1000:.0f} MB"
        print(f"| `{name}` | " + " | ".join(cells)
              + f" | {seconds[0] / seconds[1]:.2f}, {seconds[0] / seconds[2]:.2f} |")


if __name__ == "__main__":
    main()
