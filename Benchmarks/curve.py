#!/usr/bin/env python3
"""Measures the settings of xz for blocks of real trees, and prints a table for each tree.

    curve.py PROGRAM [--step N] [--trees python,linux,bio]

Each Nth block is packed with each setting (xz-curve.c). Ratios are to preset 6 without a filter.
"""

import argparse
import os
import subprocess
import tempfile

import trees


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--step", type=int, default=12)
    parser.add_argument("--trees", default="python,linux,bio")
    options = parser.parse_args()
    ours = os.path.abspath(options.program)
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "xz-curve.c")
    with tempfile.TemporaryDirectory() as work:
        curve, image = os.path.join(work, "xz-curve"), os.path.join(work, "image")
        subprocess.run(["cc", "-O2", "-o", curve, source, "-llzma", "-lm"], check=True)
        for name in options.trees.split(","):
            subprocess.run([ours, "pack", trees.tree(name), "-q", "-o", image, "--force",
                            "--level", "0"], check=True)
            print(f"\n### {name}\n")
            print("| blocks of | MB | nice_len | depth | time | size |")
            print("|---|---|---|---|---|---|", flush=True)
            subprocess.run([curve, image, str(options.step)], check=True)


main()
