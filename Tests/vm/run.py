#!/usr/bin/env python3
"""Tries the package on a virtual machine: boots, outages, shutdowns, what doctor says.

    run.py [WAY] [SCENARIO...]

WAY is `direct` or `s3fs`, the way to the images; without it, both are tried. Needs root, what `make deb` built and an S3 server in .build/python (`make test-vm` sees to it).
Prints a table of what was checked and how long it took; the status is 1 if something failed. What
the machines printed and logged stays in .build/vm.
"""

import os
import shutil
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import scenarios
from checks import Checks, table
from contents import ROOT
from image import Base
from lab import Lab, Place
from machine import MachineError


def main(names):
    chosen = choose(names)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    logs = ROOT / ".build/vm"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    base = Base()
    say(f"the system in {base.folder}")
    with open(logs / "base.log", "w") as log:
        base.make(log)
    package = max((ROOT / ".build/deb").glob("*.deb"), key=os.path.getmtime)
    rows = []
    # Not /tmp, which may be in memory.
    with tempfile.TemporaryDirectory(prefix="autosquash-vm-", dir="/var/tmp") as work:
        place = Place(base, package, work, logs)
        say(f"machines run by {place.accelerator}")
        try:
            for way, ones in chosen.items():
                run_all(Lab(place, way), ones, rows)
        finally:
            place.close()
            minutes = (time.monotonic() - started) / 60
            print(f"{table(rows)}\n\n{len(rows)} checks in {minutes:.0f} minutes with"
                  f" {place.accelerator} on {os.cpu_count()} processors", flush=True)
    if any(row.failure for row in rows):
        sys.exit(1)


def choose(names):
    """The scenarios of each way; all of them where no name says which."""
    ways = [way for way in scenarios.ALL if way.name in names] or list(scenarios.ALL)
    wanted = set(names) - {way.name for way in scenarios.ALL}
    chosen = {way: [scenario for scenario in scenarios.ALL[way]
                    if not wanted or scenario.__name__ in wanted] for way in ways}
    unknown = wanted - {scenario.__name__ for ones in chosen.values() for scenario in ones}
    if unknown:
        known = ", ".join(sorted({scenario.__name__ for way in ways
                                  for scenario in scenarios.ALL[way]}))
        sys.exit(f"no such scenario: {', '.join(unknown)}; there are {known}")
    return {way: ones for way, ones in chosen.items() if ones}


def run_all(lab, ones, rows):
    try:
        for scenario in ones:
            run(scenario, lab, rows)
    finally:
        lab.close()


def run(scenario, lab, rows):
    check = Checks(f"{lab.way.name} {scenario.__name__}", rows)
    began = time.monotonic()
    try:
        scenario(lab, check)
    except (MachineError, OSError) as error:
        check.holds("the scenario comes to its end", False, error)
        lab.machine.switch_off()
    say(f"{check.scenario}: {time.monotonic() - began:.0f} s")
    if check.has_failed and lab.machine.is_on:
        journal = lab.machine.run("journalctl -q -o short-monotonic --no-hostname | tail -n 20000")
        name = check.scenario.replace(" ", "-")
        (lab.place.logs / f"{name}.journal").write_text(journal.output)


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
