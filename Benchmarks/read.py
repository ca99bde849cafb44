#!/usr/bin/env python3
"""Reads images with autosquash and its peers, in turn, and prints tables of ratios.

    read.py PROGRAM [--rounds N] [--work FOLDER]

The images are packed once from the trees of trees.py. What is extracted goes to a tmpfs, so that
no disk is measured. Ratios are of autosquash's median to the best peer's.
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


def measure(command):
    """Runs a shell command; its wall seconds, CPU seconds and peak megabytes."""
    with tempfile.NamedTemporaryFile("r") as figures:
        start = time.monotonic()
        child = subprocess.run(
            ["/usr/bin/time", "-f", "%U %S %M", "-o", figures.name, "sh", "-c", command],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
        )
        wall = time.monotonic() - start
        if child.returncode != 0:
            raise SystemExit(f"{command}: {child.stderr}")
        user, system, peak = figures.read().split()[-3:]
    return wall, float(user) + float(system), int(peak) / 1024, child.stdout


def compare(title, commands, rounds, before=None, own_time=()):
    """Runs the commands in turn, and prints a row for each; the first is ours.

    Commands in own_time print their seconds themselves.
    """
    figures = {name: [] for name in commands}
    for warmup in [True] + [False] * rounds:
        for name, command in commands.items():
            if before:
                before()
            wall, cpu, peak, output = measure(command)
            if name in own_time:
                wall = float(output.split()[0])
            if not warmup:
                figures[name].append((wall, cpu, peak))
    rows = {name: [statistics.median(column) for column in zip(*runs)] for name, runs in figures.items()}
    best = [min(row[column] for row in list(rows.values())[1:]) for column in range(2)]
    print(f"\n### {title}\n\n| | wall s | CPU s | peak MB | wall ratio | CPU ratio |\n|---|---|---|---|---|---|")
    for name, (wall, cpu, peak) in rows.items():
        ratios = f"{wall / best[0]:.2f} | {cpu / best[1]:.2f}"
        print(f"| {name} | {wall:.3f} | {cpu:.2f} | {peak:.0f} | {ratios} |", flush=True)


def compare_starts(title, commands, rounds):
    """Runs commands that take about a millisecond in turn, and prints a row for each."""
    silence = [(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
    times = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            start = time.monotonic()
            child = os.posix_spawnp(command[0], command, os.environ, file_actions=silence)
            if os.waitpid(child, 0)[1] != 0:
                raise SystemExit(f"{command} failed")
            times[name].append(1000 * (time.monotonic() - start))
    medians = {name: statistics.median(values) for name, values in times.items()}
    best = min(list(medians.values())[1:])
    print(f"\n### {title}\n\n| | wall ms | wall ratio |\n|---|---|---|")
    for name, median in medians.items():
        print(f"| {name} | {median:.2f} | {median / best:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", default="/dev/shm")
    options = parser.parse_args()
    ours = os.path.abspath(options.program)
    here = os.path.dirname(os.path.abspath(__file__))
    peers.print_versions()
    work = tempfile.mkdtemp(dir=options.work)
    try:
        def image(name, *sources, options=()):
            path = os.path.join(work, f"{name}.squash")
            folder = os.path.join(work, name)
            os.mkdir(folder)
            for source in sources:
                subprocess.run(["cp", "-a", trees.tree(source), folder], check=True)
            subprocess.run([ours, "pack", folder, "-o", path, "-q", *options], check=True)
            shutil.rmtree(folder)
            return path

        def clean():
            shutil.rmtree(out, ignore_errors=True)

        out = os.path.join(work, "out")
        decoder = os.path.join(work, "decode-blocks")
        subprocess.run(
            ["cc", "-O2", "-pthread", "-o", decoder, f"{here}/decode-blocks.c", "-llzma"], check=True)
        python = image("python", "python")
        large = image("large", "python", "linux", "bio", "compressed")
        small = image("small", "tiny")
        threads = len(os.sched_getaffinity(0))

        compare("verify, 233 MB of programs in an xz image: liblzma alone", {
            "autosquash verify": f"{ours} verify -q {python}",
            "liblzma": f"{decoder} {python} {threads}",
        }, options.rounds, own_time={"liblzma"})
        compare("verify, the same image: extraction to memory", {
            "autosquash verify": f"{ours} verify -q {python}",
            "unsquashfs -d": f"unsquashfs -q -n -d {out} {python}",
        }, options.rounds, clean)
        gzip = image("gzip", "python", options=["--compression", "gzip"])
        compare("verify, a gzip image: extraction to memory", {
            "autosquash verify": f"{ours} verify -q {gzip}",
            "unsquashfs -d": f"unsquashfs -q -n -d {out} {gzip}",
        }, options.rounds, clean)
        compare("extract, a gzip image", {
            "autosquash extract": f"{ours} extract -q {gzip} -C {out}",
            "unsquashfs -d": f"unsquashfs -q -n -d {out} {gzip}",
        }, options.rounds, clean)
        compare("list 100,000 files with all attributes", {
            "autosquash ls -lR": f"{ours} ls -lR {small} >/dev/null",
            "unsquashfs -lls": f"unsquashfs -lls {small} >/dev/null",
            "rdsquashfs -d": f"rdsquashfs -d {small} >/dev/null",
        }, options.rounds)
        few = os.path.join(work, "few.squash")
        subprocess.run([ours, "pack", here, "-o", few, "-q"], check=True)
        compare_starts("describe a small image", {
            "autosquash info": [ours, "info", few],
            "unsquashfs -s": ["unsquashfs", "-s", few],
        }, 40 * options.rounds)
        compare_starts("list a small image", {
            "autosquash ls": [ours, "ls", few],
            "unsquashfs -ls": ["unsquashfs", "-ls", few],
        }, 40 * options.rounds)
        for what, file in (
            ("a program of 4 MB", "python/scipy/optimize/_highs/_highs_wrapper.cpython-311-x86_64-linux-gnu.so"),
            ("a table of 88 MB", "bio/usr/share/EMBOSS/data/TAXONOMY/names.dmp"),
        ):
            compare(f"{what} in an image with 1.1 GB", {
                "autosquash cat": f"{ours} cat {large} {file} >/dev/null",
                "unsquashfs -cat": f"unsquashfs -cat {large} {file} >/dev/null",
                "rdsquashfs -c": f"rdsquashfs -c {file} {large} >/dev/null",
            }, 3 * options.rounds)
        compare("extract 100,000 small files", {
            "autosquash extract": f"{ours} extract -q {small} -C {out}",
            "unsquashfs -d": f"unsquashfs -q -n -d {out} {small}",
        }, options.rounds, clean)
        compare("extract 1.1 GB", {
            "autosquash extract": f"{ours} extract -q {large} -C {out}",
            "unsquashfs -d": f"unsquashfs -q -n -d {out} {large}",
        }, min(options.rounds, 3), clean)
    finally:
        shutil.rmtree(work)


main()
