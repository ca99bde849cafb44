"""What README and doctor tell an administrator to type."""

import re

import contents

README = contents.ROOT / "README.md"
COMMAND = re.compile(r"(?:^|[:;,] )((?:sudo|autosquash|systemctl|losetup|umount|ls) .*)$")


def commands(heading):
    """The lines that begin with root's prompt in a section of the README."""
    section = README.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^    # (.*)$", section, re.MULTILINE)


def mount_line():
    """The README's line for /etc/fstab."""
    return re.search(r"^    (edgen-training /mnt/s3fs fuse\.s3fs .*)$", README.read_text(),
                     re.MULTILINE)[1]


class Hint:
    """A remedy of doctor, with the command in it."""

    def __init__(self, fault, text):
        self.fault = fault
        self.text = text
        found = COMMAND.search(text)
        self.command = found[1] if found else None

    def __str__(self):
        return f"{self.fault}\n-> {self.text}"


def hints(output):
    lines = output.splitlines()
    return [Hint(above.strip(), line.strip().removeprefix("-> "))
            for above, line in zip(lines, lines[1:]) if line.strip().startswith("-> ")]
