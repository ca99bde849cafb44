"""Real input for the benchmarks, from Debian's and PyPI's packages, kept in a cache folder."""

import glob
import gzip
import os
import random
import shutil
import subprocess
import sys
import tarfile
import zipfile

CACHE = os.path.join(
    os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "autosquash-benchmarks"
)


def run(*command, cwd=None):
    subprocess.run(command, check=True, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def debian(package):
    """The path of a package's .deb file."""
    folder = os.path.join(CACHE, "debs")
    os.makedirs(folder, exist_ok=True)
    found = glob.glob(f"{folder}/{package}_*.deb")
    if not found:
        run("apt-get", "download", "-q", package, cwd=folder)
        found = glob.glob(f"{folder}/{package}_*.deb")
    return found[0]


def wheels():
    folder = os.path.join(CACHE, "wheels")
    if not os.path.isdir(folder):
        run(
            sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:",
            "--python-version", "3.11", "--platform", "manylinux2014_x86_64", "-d", folder,
            "numpy==2.0.2", "scipy==1.13.1", "pandas==2.2.2",
        )
    return sorted(glob.glob(f"{folder}/*.whl"))


def python(folder):
    """A scientific Python tree: numpy, scipy, pandas."""
    for wheel in wheels():
        zipfile.ZipFile(wheel).extractall(folder)


def linux(folder):
    """A part of the Linux kernel's source."""
    deb = debian("linux-source-6.1")
    unpacked = folder + ".deb"
    run("dpkg", "-x", deb, unpacked)
    archive = glob.glob(f"{unpacked}/usr/src/*.tar.xz")[0]
    parts = [f"linux-source-6.1/{part}" for part in ("fs", "kernel", "mm", "net", "lib", "Documentation", "arch/x86")]
    run("tar", "-xf", archive, "-C", folder, "--strip-components=1", *parts)
    shutil.rmtree(unpacked)


def bio(folder):
    """Bioinformatics packages' data."""
    for package in ("emboss-data", "hmmer-examples", "bowtie2-examples", "samtools-test"):
        run("dpkg", "-x", debian(package), folder)


def compressed(folder):
    """What is mostly compressed already: wheels, packages, gzipped reads, BAM and CRAM."""
    for wheel in wheels():
        shutil.copy(wheel, folder)
    for package in ("emboss-data", "hmmer-examples", "bowtie2-examples"):
        shutil.copy(debian(package), folder)
    run("dpkg", "-x", debian("samtools-test"), folder)
    rng = random.Random(1)
    for number in range(4):
        bases = rng.choices(b"ACGT", k=1_000_000)
        lines = []
        for start in range(0, len(bases) - 100, 5):
            quality = bytes(33 + min(40, max(2, int(rng.gauss(33, 7)))) for _ in range(100))
            lines.append(b"@r%d\n%s\n+\n%s\n" % (start, bytes(bases[start : start + 100]), quality))
            if len(lines) >= 60_000:
                break
        with open(f"{folder}/reads{number}.fastq.gz", "wb") as file:
            file.write(gzip.compress(b"".join(lines), 6, mtime=0))


def some_words(rng):
    return [bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(3000)]


def tiny(folder):
    """100,000 files of 10 to 300 bytes in 1,000 directories."""
    rng = random.Random(2)
    words = some_words(rng)
    for directory in range(1000):
        path = f"{folder}/d{directory:03}"
        os.mkdir(path)
        for number in range(100):
            with open(f"{path}/file{number:02}", "wb") as file:
                file.write(b" ".join(rng.choices(words, k=rng.randint(2, 50))))


def million(path):
    """A tarball of a million entries: files of 10 to 80 bytes, all different, and 10,000 directories."""
    rng = random.Random(3)
    words = some_words(rng)
    with open(path, "wb") as archive:

        def add(name, type, content=b""):
            member = tarfile.TarInfo(name)
            member.type = type
            member.mode = 0o755 if type == tarfile.DIRTYPE else 0o644
            member.mtime = 1_700_000_000 + rng.randrange(10_000_000)
            member.size = len(content)
            archive.write(member.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512))

        for directory in range(10_000):
            add(f"d{directory:04}", tarfile.DIRTYPE)
            for number in range(99):
                text = b" ".join(rng.choices(words, k=rng.randint(1, 10)))
                add(f"d{directory:04}/file{number:02}", tarfile.REGTYPE, b"%d %s" % (directory * 99 + number, text))
        archive.write(bytes(1024))


TREES = {"python": python, "linux": linux, "bio": bio, "compressed": compressed, "tiny": tiny}


def tree(name):
    """The folder of a tree, made when it is not there."""
    folder = os.path.join(CACHE, "trees", name)
    if not os.path.isdir(folder):
        partial = folder + ".partial"
        shutil.rmtree(partial, ignore_errors=True)
        os.makedirs(partial)
        TREES[name](partial)
        os.rename(partial, folder)
    return folder


# Entries that no file system needs to hold.
ARCHIVES = {"million": million}


def archive(name):
    """The path of a tarball, made when it is not there."""
    path = os.path.join(CACHE, "trees", name + ".tar")
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        ARCHIVES[name](path + ".partial")
        os.rename(path + ".partial", path)
    return path


def tarball(name):
    """A gzipped tarball of a tree."""
    path = os.path.join(CACHE, "trees", name + ".tar.gz")
    if not os.path.exists(path):
        run("tar", "--sort=name", "-czf", path + ".partial", "-C", tree(name), ".")
        os.rename(path + ".partial", path)
    return path


def changed(name):
    """The folder of a tree of which 5 % of the bytes are changed: small files are replaced by others
    of about their size, large ones are changed in place."""
    folder = os.path.join(CACHE, "trees", name + ".changed")
    if os.path.isdir(folder):
        return folder
    partial = folder + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(tree(name), partial, symlinks=True)
    files = sorted(
        path for path in glob.glob(f"{partial}/**", recursive=True)
        if os.path.isfile(path) and not os.path.islink(path)
    )
    rest = sum(map(os.path.getsize, files)) // 20
    rng = random.Random(3)
    rng.shuffle(files)
    for path in files:
        if rest <= 0:
            break
        with open(path, "rb") as file:
            data = bytearray(file.read())
        if len(data) < 1 << 20:
            rest -= len(data)
            data = data[::-1] + data[: rng.randint(0, 100)]
        else:
            count = len(data) // 8
            start = rng.randrange(len(data) - count)
            data[start : start + count] = data[start : start + count][::-1]
            rest -= count
        with open(path, "wb") as file:
            file.write(data)
    os.rename(partial, folder)
    return folder
