#!/usr/bin/env python3
"""Tries the package on a virtual machine: boots, outages, shutdowns, what doctor says.

    run.py [SCENARIO...]

Needs root, what `make deb` built and an S3 server in .build/python (`make test-vm` sees to it).
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
        lab = Lab(base, package, work, logs)
        say(f"machines run by {lab.accelerator}")
        try:
            for scenario in chosen:
                run(scenario, lab, rows)
        finally:
            lab.close()
            minutes = (time.monotonic() - started) / 60
            print(f"{table(rows)}\n\n{len(rows)} checks in {minutes:.0f} minutes with"
                  f" {lab.accelerator} on {os.cpu_count()} processors", flush=True)
    if any(row.failure for row in rows):
        sys.exit(1)


def run(scenario, lab, rows):
    check = Checks(scenario.__name__, rows)
    began = time.monotonic()
    try:
        scenario(lab, check)
    except (MachineError, OSError) as error:
        check.holds("the scenario comes to its end", False, error)
        lab.machine.switch_off()
    say(f"{scenario.__name__}: {time.monotonic() - began:.0f} s")
    if check.has_failed and lab.machine.is_on:
        journal = lab.machine.run("journalctl -q -o short-monotonic --no-hostname | tail -n 20000")
        (lab.logs / f"{scenario.__name__}.journal").write_text(journal.output)


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
