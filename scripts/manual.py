#!/usr/bin/env python3
"""Writes the manual pages of the commands, man/autosquash*.1, from the program's own help.

    manual.py PROGRAM            writes them
    manual.py PROGRAM --check    only checks that they are up to date

Exit statuses and examples, which the help does not have, are in man/sections/NAME.mdoc.
"""

import argparse
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MAN = os.path.join(ROOT, "man")
DATE = "November 25, 2026"
OTHER_PAGES = [("autosquash.conf", 5), ("autosquash-map", 8)]
# The commands that users of one may look for next.
RELATED = {
    "pack": ["info", "trace", "verify"],
    "upload": ["images", "manifest", "pack", "verify"],
    "verify": ["diff", "extract", "manifest"],
    "manifest": ["diff", "verify"],
    "diff": ["manifest", "verify"],
    "ls": ["cat", "extract", "info"],
    "cat": ["extract", "ls"],
    "extract": ["cat", "ls", "verify"],
    "info": ["ls", "trace"],
    "trace": ["info", "pack"],
    "mount": ["setup", "unmount"],
    "unmount": ["mount"],
    "setup": ["doctor", "images", "refresh"],
    "recover": ["doctor", "refresh"],
    "doctor": ["images", "recover", "setup"],
    "images": ["doctor", "refresh", "setup"],
    "refresh": ["images", "setup"],
    "map": ["doctor", "images"],
    "overlay": ["setup"],
}


def text(words):
    """Text for mdoc: each sentence starts a line, and nothing looks like a macro."""
    words = words.replace("\\", "\\e")
    lines = []
    for paragraph in re.split(r"\n\s*\n", words.strip()):
        if lines:
            lines.append(".Pp")
        sentences = re.sub(r"\s*\n\s*", " ", paragraph)
        for line in re.sub(r"([.!?:]\)?) (?=[A-Z\-])", r"\1\n", sentences).split("\n"):
            while len(line) > 96:
                cut = line.rfind(" ", 0, 96)
                if cut < 0:
                    break
                lines.append(line[:cut])
                line = line[cut + 1:]
            lines.append(line)
    return "\n".join(("\\&" + line if line[:1] in ".'" and line not in (".Pp",) else line)
                     for line in lines) + "\n"


def name(command):
    return "-".join(command.get("superCommands", []) + [command["commandName"]])


def shown(command):
    return [argument for argument in command.get("arguments", [])
            if argument["shouldDisplay"] and argument["valueName"] not in ("help", "version")]


def flags(argument):
    """The names of an option, short ones first, as mdoc's Fl writes them."""
    names = sorted(argument["names"], key=lambda entry: entry["kind"] != "short")
    return [entry["name"] if entry["kind"] == "short" else "-" + entry["name"] for entry in names]


def fl(flag):
    return "Fl " + flag.replace("-", "\\-", 1) if flag.startswith("-") else "Fl " + flag


def synopsis(command):
    line = ".Nm autosquash\n" + "".join(
        f".Cm {part}\n" for part in command.get("superCommands", [])[1:] + [command["commandName"]])
    if any(argument["kind"] != "positional" for argument in shown(command)):
        line += ".Op Ar options\n"
    for argument in shown(command):
        if argument["kind"] == "option" and not argument["isOptional"]:
            line += f".{fl(flags(argument)[0])} Ar {argument['valueName']}\n"
        if argument["kind"] == "positional":
            dots = " ..." if argument["isRepeating"] else ""
            kind = ".Op Ar" if argument["isOptional"] else ".Ar"
            if argument["parsingStrategy"] == "postTerminator":
                kind = ".Fl \\- Ar"
            line += f"{kind} {argument['valueName']}{dots}\n"
    return line


def arguments(command):
    """The list of arguments, in their groups."""
    output, group = "", object()
    for argument in shown(command):
        if argument.get("sectionTitle") != group:
            if output:
                output += ".El\n"
            group = argument.get("sectionTitle")
            output += f".Ss {group}\n" if group else ""
            output += ".Bl -tag -width Ds\n"
        if argument["kind"] == "positional":
            output += f".It Ar {argument['valueName']}\n"
        else:
            names = " , ".join(fl(flag) for flag in flags(argument))
            value = f" Ar {argument['valueName']}" if argument["kind"] == "option" else ""
            output += f".It {names}{value}\n"
        words = argument.get("abstract", "")
        if argument.get("allValues"):
            words += f" One of {', '.join(argument['allValues'])}."
        if argument.get("defaultValue"):
            words += f" Without it: {argument['defaultValue']}."
        output += text(words) if words else ""
        if argument.get("discussion"):
            output += text(argument["discussion"])
    return output + (".El\n" if output else "")


def page(command, others):
    title = name(command)
    children = [child for child in command.get("subcommands", []) if child["commandName"] != "help"]
    is_root = not command.get("superCommands")
    output = f""".\\" Written by scripts/manual.py from the program's own help.
.Dd {DATE}
.Dt {title.upper()} 1
.Os
.Sh NAME
.Nm {title}
.Nd {command['abstract'][0].lower() + command['abstract'][1:].rstrip('.')}
.Sh SYNOPSIS
"""
    output += ".Nm autosquash\n.Ar command\n.Op Ar arguments\n" if is_root else "".join(
        synopsis(entry) for entry in (children or [command]))
    output += ".Sh DESCRIPTION\n" + text(command.get("discussion") or command["abstract"])
    if children:
        output += ".Pp\nThe commands:\n.Bl -tag -width Ds\n"
        for child in children:
            output += f".It Cm {child['commandName']}\n{text(child['abstract'])}"
        output += ".El\n"
        if is_root:
            output += text("autosquash help COMMAND, or COMMAND --help, lists the arguments of each.")
        for child in [] if is_root else children:
            output += f".Sh {child['commandName'].upper()}\n"
            output += text(child["discussion"]) if child.get("discussion") else ""
            output += arguments(child)
    else:
        output += arguments(command)
    extra = os.path.join(MAN, "sections", title + ".mdoc")
    if os.path.exists(extra):
        with open(extra) as file:
            output += file.read()
    entries = sorted([(other, 1) for other in others if other != title] + OTHER_PAGES,
                     key=lambda entry: (entry[1], entry[0]))
    output += ".Sh SEE ALSO\n" + " ,\n".join(f".Xr {other} {section}" for other, section in entries)
    return output + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    root = json.loads(subprocess.run(
        [options.program, "--experimental-dump-help"], check=True, capture_output=True).stdout)["command"]
    commands = [root] + [child for child in root["subcommands"] if child["commandName"] != "help"]
    names = [name(command) for command in commands]
    wrong = []
    for command in commands:
        path = os.path.join(MAN, name(command) + ".1")
        others = names if command is root else ["autosquash"] + [
            f"autosquash-{other}" for other in RELATED[command["commandName"]]]
        new = page(command, others)
        old = open(path).read() if os.path.exists(path) else None
        if old != new:
            wrong.append(os.path.relpath(path, ROOT))
            if not options.check:
                with open(path, "w") as file:
                    file.write(new)
    if wrong and options.check:
        sys.exit(f"not what the help says: {' '.join(wrong)}; run scripts/manual.py")


if __name__ == "__main__":
    main()
