#!/usr/bin/env python3
"""Packs real trees with autosquash and its peers, in turn, and prints tables of ratios.

    pack.py PROGRAM [--rounds N] [--trees python,bio] [--methods xz,zstd,lz4] [--work FOLDER]

Wall time, CPU time (user and system, children included) and peak memory are the operating
system's own figures; each is the median over the rounds. Ratios are to the best peer.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time

import peers
import trees

# The trees also packed from a tarball.
TARBALLS = ("python", "compressed", "tiny")


def measure(command, work):
    """Runs a shell command; its wall seconds, CPU seconds and peak kilobytes."""
    start = time.monotonic()
    child = subprocess.Popen(
        ["/usr/bin/time", "-f", "%U %S %M", "-o", "time.txt", "sh", "-c", command],
        cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )
    errors = child.communicate()[1]
    wall = time.monotonic() - start
    if child.returncode != 0:
        raise SystemExit(f"{command}: {errors}")
    with open(os.path.join(work, "time.txt")) as file:
        user, system, peak = file.read().split()[-3:]
    return wall, float(user) + float(system), int(peak)


def compare(title, commands, work, rounds, apart=()):
    """Runs the commands in turn, and prints a row for each; the first is ours. Ratios are to the best
    of the others, except for those apart."""
    figures = {name: [] for name in commands}
    sizes = {}
    for warmup in [True] + [False] * rounds:
        for name, command in commands.items():
            for leftover in ("out.squash", "unpacked"):
                path = os.path.join(work, leftover)
                shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else (
                    os.path.exists(path) and os.remove(path))
            if warmup and name != next(iter(commands)):
                continue  # one run brings the source into the page cache
            figures[name].append(measure(command, work))
            if warmup:
                figures[name].clear()
            sizes[name] = os.path.getsize(os.path.join(work, "out.squash"))
    rows = {
        name: [statistics.median(run[column] for run in runs) for column in range(3)] + [sizes[name]]
        for name, runs in figures.items()
    }
    others = [row for name, row in rows.items() if name not in (next(iter(rows)), *apart)]
    best = [min(row[column] for row in others) for column in range(4)]
    print(f"\n### {title}\n")
    print("| | wall s | CPU s | peak MB | image bytes | wall ratio | CPU ratio | size ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for name, (wall, cpu, peak, size) in rows.items():
        ratios = f"{wall / best[0]:.2f} | {cpu / best[1]:.2f} | {size / best[3]:.4f}"
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {peak / 1024:.0f} | {size:,} | {ratios} |", flush=True)


def compare_reuse(ours, work, rounds):
    """Packs a tree again with --reuse, unchanged and changed, and prints the ratios to packing all of
    it. Stops if the images differ."""
    old, new, full = (os.path.join(work, name) for name in ("old.squash", "new.squash", "full.squash"))
    print("\n### python, xz, with --reuse\n")
    print("| | wall s | CPU s | peak MB | wall ratio | CPU ratio |")
    print("|---|---|---|---|---|---|")
    for name, folder in (("unchanged", trees.tree("python")), ("5 % changed", trees.changed("python"))):
        measure(f"{ours} pack {trees.tree('python')} -qfo {old}", work)
        commands = {
            "all": f"{ours} pack {folder} -qfo {full}",
            name: f"{ours} pack {folder} -qfo {new} --reuse {old}",
        }
        runs = {key: [] for key in commands}
        for _ in range(rounds):
            for key, command in commands.items():
                runs[key].append(measure(command, work))
        subprocess.run(["cmp", new, full], check=True)
        rows = {key: [statistics.median(column) for column in zip(*run)] for key, run in runs.items()}
        for key, (wall, cpu, peak) in rows.items():
            ratios = f"{wall / rows['all'][0]:.2f} | {cpu / rows['all'][1]:.2f}"
            print(f"| {key} | {wall:.1f} | {cpu:.1f} | {peak / 1024:.0f} | {ratios} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trees", default=",".join([*trees.TREES, *trees.ARCHIVES]))
    parser.add_argument("--methods", default="xz,gzip,zstd,lz4")
    parser.add_argument("--work")
    options = parser.parse_args()
    ours = os.path.abspath(options.program)
    peers.print_versions()
    work = tempfile.mkdtemp(dir=options.work)
    try:
        for name in options.trees.split(","):
            if name in trees.ARCHIVES:
                archive = trees.archive(name)
                compare(
                    f"{name}, from a .tar, xz",
                    {
                        "autosquash": f"{ours} pack {archive} -q -o out.squash",
                        "tar2sqfs": f"tar2sqfs -q -c xz out.squash < {archive}",
                    },
                    work, options.rounds,
                )
                continue
            folder = trees.tree(name)
            # The fast methods on one tree only.
            methods = options.methods.split(",")
            if name != "python":
                methods = [method for method in methods if method in ("xz", "gzip")]
            for method in methods:
                commands = {
                    "autosquash": f"{ours} pack {folder} -q -o out.squash --compression {method}",
                    "mksquashfs": f"mksquashfs {folder} out.squash -comp {method} -no-progress -quiet",
                    "gensquashfs": f"gensquashfs -q -D {folder} -c {method} out.squash",
                }
                apart = []
                if name == "python" and method == "xz":
                    apart = ["mksquashfs -Xbcj x86"]
                    commands[apart[0]] = f"{commands['mksquashfs']} -Xbcj x86"
                compare(f"{name}, {method}", commands, work, options.rounds, apart)
            if name == "python" and "xz" in methods:
                compare(
                    "python, xz, the highest level",
                    {
                        "autosquash": f"{ours} pack {folder} -q -o out.squash --level 9",
                        "gensquashfs": f"gensquashfs -q -D {folder} -c xz -X level=9,extreme out.squash",
                    },
                    work, options.rounds,
                )
                compare_reuse(ours, work, options.rounds)
            if name in TARBALLS and "xz" in methods:
                archive = trees.tarball(name)
                compare(
                    f"{name}, from a .tar.gz, xz",
                    {
                        "autosquash": f"{ours} pack {archive} -q -o out.squash",
                        "unpack, fakeroot mksquashfs":
                            f"mkdir unpacked && cd unpacked && tar -xaf {archive} && "
                            "fakeroot mksquashfs . ../out.squash -comp xz -no-progress -quiet",
                        "sqfstar": f"zcat {archive} | sqfstar -comp xz -no-progress -quiet out.squash",
                        "tar2sqfs": f"tar2sqfs -q -c xz out.squash < {archive}",
                    },
                    work, options.rounds,
                )
    finally:
        shutil.rmtree(work)


main()
