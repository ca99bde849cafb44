"""The commands that docs and doctor give an administrator."""

import re

import contents

DOCS = contents.ROOT / "docs"
COMMAND = re.compile(r"(?:^|[:;,] )((?:sudo|autosquash|systemctl|losetup|umount|ls) .*)$")


def commands(page, section=None):
    """The lines of a page, or of a section of it, that begin with root's prompt."""
    text = (DOCS / page).read_text()
    if section:
        text = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"^    # (.*)$", text, re.MULTILINE)


def mount_line():
    """The line for /etc/fstab in docs/machines.md."""
    return re.search(r"^    (edgen-training /mnt/s3fs fuse\.s3fs .*)$",
                     (DOCS / "machines.md").read_text(), re.MULTILINE)[1]


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
