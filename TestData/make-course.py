#!/usr/bin/env python3
"""Writes course.tar.gz beside this script: a small course as a trainer would pack it.

The same bytes come out every time: all random numbers have a seed, all times are fixed.
"""

import gzip
import io
import os
import random
import tarfile

rng = random.Random(20260101)
START = 1_767_225_600  # 2026-01-01


def genome(length):
    repeat = "".join(rng.choice("ACGT") for _ in range(2000))
    sequence = []
    while sum(map(len, sequence)) < length:
        if rng.random() < 0.3:
            sequence.append(repeat)
        sequence.append("".join(rng.choice("ACGT") for _ in range(1000)))
    return "".join(sequence)[:length]


def fasta(name, sequence):
    lines = [f">{name} made for a course"]
    lines += [sequence[i : i + 60] for i in range(0, len(sequence), 60)]
    return "\n".join(lines) + "\n"


def fastq(sequence, count, length, strand):
    records = []
    for number in range(count):
        start = rng.randrange(len(sequence) - length)
        bases = sequence[start : start + length]
        quality = "".join(chr(33 + min(40, int(rng.gauss(34, 5)))) for _ in range(length))
        records.append(f"@read{number}/{strand}\n{bases}\n+\n{quality}\n")
    return "".join(records)


def packed(text):
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as stream:
        stream.write(text.encode())
    return buffer.getvalue()


class Course:
    def __init__(self, path):
        self.time = START
        self.raw = gzip.GzipFile(path, "wb", mtime=0)
        self.tar = tarfile.open(
            fileobj=self.raw, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape"
        )

    def add(self, name, kind=tarfile.REGTYPE, content=b"", mode=0o644, link=""):
        info = tarfile.TarInfo("course/" + name if name else "course")
        info.type, info.mode, info.linkname = kind, mode, link
        info.uid = info.gid = 1000
        info.uname = info.gname = "trainer"
        self.time += 60
        info.mtime = self.time
        info.size = len(content)
        self.tar.addfile(info, io.BytesIO(content))

    def folder(self, name, mode=0o755):
        self.add(name, tarfile.DIRTYPE, mode=mode)

    def close(self):
        self.tar.close()
        self.raw.close()


def main():
    course = Course(os.path.join(os.path.dirname(os.path.abspath(__file__)), "course.tar.gz"))
    course.folder("")
    course.add("README.txt", content=b"A small course: map the reads in data/ with software/bin/mapper.\n")
    course.folder("data")
    sequence = genome(120_000)
    text = fasta("chromosome1", sequence)
    course.add("data/genome.fa", content=text.encode())
    course.add("data/genome.fa.fai", content=f"chromosome1\t{len(sequence)}\t31\t60\t61\n".encode())
    course.add("data/genome copy.fa", content=text.encode())
    for strand in (1, 2):
        course.add(f"data/reads_{strand}.fastq.gz", content=packed(fastq(sequence, 600, 100, strand)))
    course.folder("data/empty")
    course.folder("software")
    course.folder("software/bin")
    program = b"#!/bin/sh\n# Stands for a read mapper.\nexec grep -c '^>' \"$@\"\n"
    course.add("software/bin/mapper-1.0", content=program, mode=0o755)
    course.add("software/bin/mapper", tarfile.SYMTYPE, link="mapper-1.0", mode=0o777)
    course.add("software/bin/mapper-static", tarfile.LNKTYPE, link="course/software/bin/mapper-1.0", mode=0o755)
    course.folder("software/lib")
    for number in range(40):
        body = f'"""Module {number}."""\n\n\ndef answer():\n    return {number}\n'
        course.add(f"software/lib/module{number:02}.py", content=body.encode())
    course.add("software/lib/libdata.so", content=rng.randbytes(3000) + bytes(9000) + program * 50, mode=0o755)
    course.folder("odd names")
    for name in ("with space", "quote'd \"twice\"", "new\nline", "-dash", "caf\u00e9", "bytes\udcff\udcfe", "#hash", "a" * 255):
        course.add("odd names/" + name, content=b"still readable\n")
    course.add("odd names/dangling", tarfile.SYMTYPE, link="/nowhere", mode=0o777)
    course.close()


main()
