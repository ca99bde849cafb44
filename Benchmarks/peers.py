"""Which of the peers' programs are measured: those that PATH names first."""

import re
import subprocess

# How each package's programs print their version.
PACKAGES = {"squashfs-tools": ["mksquashfs", "-version"], "squashfs-tools-ng": ["gensquashfs", "--version"]}


def print_versions():
    """Prints a line with the peers' versions, for the head of a table."""
    found = []
    for package, command in PACKAGES.items():
        output = subprocess.run(command, capture_output=True, text=True).stdout
        found.append(f"{package} {re.search(r'[0-9]+(?:[.][0-9]+)+', output)[0]}")
    print(f"Peers: {', '.join(found)}.", flush=True)
