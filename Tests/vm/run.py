#!/usr/bin/env python3
"""Tries the package on a virtual machine: boots, outages, shutdowns, what doctor says.

    run.py [SCENARIO...]

Needs root, what `make deb` built and an S3 server in .build/python (`make test-vm` sees to it).
Prints a table of what was checked and how long it took; the status is 1 if something failed. What
the machines printed and logged stays in .build/vm.
"""

import os
import pathlib
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True

import scenarios
from checks import Checks, failures, table
from contents import ROOT
from image import Base
from lab import Lab
from machine import MachineError


def main(names):
    chosen = [scenario for scenario in scenarios.ALL if not names or scenario.__name__ in names]
    unknown = set(names) - {scenario.__name__ for scenario in chosen}
    if unknown:
        known = ", ".join(scenario.__name__ for scenario in scenarios.ALL)
        sys.exit(f"no such scenario: {', '.join(unknown)}; there are {known}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    folder = ROOT / ".build/vm"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    packages = sorted((ROOT / ".build/deb").glob("*.deb"), key=os.path.getmtime)

    say = lambda text: print(text, file=sys.stderr, flush=True)
    base = Base()
    say(f"the system in {base.folder}")
    with open(folder / "base.log", "w") as log:
        base.make(log)
    rows = []
    lab = Lab(base, packages[-1], folder)
    say(f"machines run by {lab.accelerator}")
    try:
        for scenario in chosen:
            check = Checks(scenario.__name__, rows)
            began = time.monotonic()
            try:
                scenario(lab, check)
            except (MachineError, OSError) as error:
                check.holds("the scenario ends", False, error)
                lab.machine.switch_off()
            say(f"{scenario.__name__}: {time.monotonic() - began:.0f} s")
    finally:
        lab.close()
        for disk in folder.glob("*.ext4"):
            disk.unlink()
        print(table(rows))
        minutes = (time.monotonic() - started) / 60
        print(f"\n{len(rows)} checks in {minutes:.0f} minutes, on {os.cpu_count()} processors,"
              f" {lab.accelerator}")
    if failures(rows):
        print("\n" + failures(rows), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
