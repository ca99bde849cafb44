#!/usr/bin/env python3
"""What images cost over a bucket: a real s3fs, the kernel's mount, and a server that is as slow as
a network and counts requests. Needs root, and Python 3 with pip.

    bench.py PROGRAM [--rounds N] [--latency MS] [--rate MBIT] [--options S3FS-OPTIONS]

Each figure is from cold: a new s3fs, an empty page cache, and the time from mount to the end of
the action. Images of one tree from autosquash and its peers take turns.
"""

import argparse
import glob
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), HERE]
import server  # noqa: E402
import trees  # noqa: E402

# The programs run from each tree, and traced for `--order`.
CODE = {"s3-small": "import urllib.request", "s3-scientific": "import numpy"}


def interpreter(folder):
    """This Python and its standard library, to be run from wherever it is put."""
    os.makedirs(f"{folder}/bin")
    shutil.copy(os.path.realpath(sys.executable), f"{folder}/bin/python3")
    shutil.copytree(
        sysconfig.get_path("stdlib"), f"{folder}/lib/python{sysconfig.get_python_version()}",
        symlinks=True, ignore=shutil.ignore_patterns(
            "__pycache__", "test", "tests", "site-packages", "dist-packages", "config-*",
            "idlelib"))
    library = sysconfig.get_config_var("LDLIBRARY")
    if library and ".so" in library:
        name = sysconfig.get_config_var("INSTSONAME")
        shutil.copy(os.path.join(sysconfig.get_config_var("LIBDIR"), name), f"{folder}/lib/")


def compile_all(folder):
    trees.run(sys.executable, "-m", "compileall", "-q", "-j", "0", f"{folder}/lib")


def small(folder):
    """Python without packages."""
    interpreter(folder)
    compile_all(folder)


def library(folder):
    """Python's library alone, an image of some 11 MB."""
    interpreter(folder)
    shutil.rmtree(f"{folder}/bin")
    for path in glob.glob(f"{folder}/lib/libpython*") + glob.glob(f"{folder}/lib/*/ensurepip"):
        trees.run("rm", "-rf", path)
    compile_all(folder)


def scientific(folder):
    """Python with packages of science."""
    interpreter(folder)
    trees.run(
        sys.executable, "-m", "pip", "install", "-q", "--no-compile", "--only-binary=:all:", "--target",
        f"{folder}/lib/python{sysconfig.get_python_version()}/site-packages",
        "numpy==2.0.2", "scipy==1.13.1", "pandas==2.2.2", "sympy==1.13.1", "matplotlib==3.9.2",
        "scikit-learn==1.5.1", "statsmodels==0.14.2", "biopython==1.84", "networkx==3.3")
    compile_all(folder)


trees.TREES |= {"s3-library": library, "s3-small": small, "s3-scientific": scientific}


def python(root, code):
    """A program run from the image, which writes nothing and takes no packages of the machine."""
    return ["env", f"LD_LIBRARY_PATH={root}/lib", f"{root}/bin/python3", "-I", "-B", "-c", code]


def images(tree, code, program, folder, names):
    """Makes the images of a tree, and gives their paths by their names in the table."""
    order = os.path.join(folder, "order")
    if code:
        trees.run(program, "trace", tree, "-q", "-f", "-o", order, "--", *python(tree, code))
    pack = [program, "pack", tree, "-q", "-f", "-o"]
    zstd = ["--compression", "zstd", "--level", "22"]
    front = ["--layout", "front"]
    ordered = ["--order", order]
    commands = {
        "mksquashfs xz": lambda path: [
            "mksquashfs", tree, path, "-comp", "xz", "-all-root", "-noappend", "-quiet",
            "-no-progress"],
        "gensquashfs xz": lambda path: ["gensquashfs", "-q", "-c", "xz", "-D", tree, path],
        "mksquashfs zstd": lambda path: [
            "mksquashfs", tree, path, "-comp", "zstd", "-Xcompression-level", "22", "-all-root",
            "-noappend", "-quiet", "-no-progress"],
        "xz": lambda path: [*pack, path],
        "xz, front": lambda path: [*pack, path, *front],
        "xz, order": lambda path: [*pack, path, *ordered],
        "xz, front, order": lambda path: [*pack, path, *front, *ordered],
        "zstd": lambda path: [*pack, path, *zstd],
        "zstd, front, order": lambda path: [*pack, path, *zstd, *front, *ordered],
    }
    made = {}
    for name in names or commands:
        if "order" in name and not code:
            continue
        path = os.path.join(folder, name.replace(" ", "-").replace(",", "") + ".squash")
        ours = program in commands[name](path)
        if not os.path.exists(path) or (
                ours and os.path.getmtime(path) < os.path.getmtime(program)):
            print(f"making {path}", file=sys.stderr)
            trees.run(*commands[name](path))
        made[name] = path
    return made


def actions(tree, code):
    """What is done after the mount, by the names in the table."""
    files = []
    for folder, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path) and 0 < os.path.getsize(path) < 65536:
                files.append(os.path.relpath(path, tree))
    files.sort()
    some = random.Random(1).sample(files, 200)
    deep = max(files, key=lambda path: path.count("/"))
    quiet = {"stdout": subprocess.DEVNULL, "check": True}

    def first_look(root):
        subprocess.run(["ls", "-l", root], **quiet)
        subprocess.run(["cat", os.path.join(root, deep)], **quiet)

    found = {
        "`ls -l`, one deep file": first_look,
        "200 small files": lambda root: subprocess.run(["cat", *some], cwd=root, **quiet),
    }
    if code:
        found[f"`{code}`"] = lambda root: subprocess.run(python(root, code), **quiet)
    found["`ls -lR`"] = lambda root: subprocess.run(["ls", "-lR", root], **quiet)
    return found


class Bucket:
    """The bucket, mounted anew for each measurement."""

    def __init__(self, images, options, latency, rate):
        objects = {}
        for path in images.values():
            with open(path, "rb") as file:
                objects[os.path.basename(path)] = file.read()
        self.options = options
        self.server = server.Server(objects, latency, rate)

    def measure(self, image, action):
        """Seconds, GETs, waves and bytes of an action on an image, mount included."""
        key = os.path.basename(image)
        with tempfile.TemporaryDirectory() as folder:
            bucket, root = os.path.join(folder, "bucket"), os.path.join(folder, "root")
            os.mkdir(bucket)
            os.mkdir(root)
            address = f"http://127.0.0.1:{self.server.server_address[1]}"
            s3fs = subprocess.Popen(
                ["s3fs", "bucket", bucket, "-f", "-o", f"public_bucket=1,url={address}", "-o",
                 "use_path_request_style,ro,allow_other", "-o", self.options],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                while not os.path.ismount(bucket):
                    time.sleep(0.01)
                os.stat(os.path.join(bucket, key))  # a look-up is the same for all images
                with open("/proc/sys/vm/drop_caches", "w") as file:
                    file.write("3")
                self.server.take_requests(key)
                start = time.monotonic()
                subprocess.run(
                    ["mount", "-t", "squashfs", "-o", "loop,ro", os.path.join(bucket, key), root],
                    check=True)
                try:
                    action(root)
                    seconds = time.monotonic() - start
                    time.sleep(0.1)  # for the server to note the last request
                finally:
                    subprocess.run(["umount", root], check=True)
            finally:
                subprocess.run(["umount", "-l", bucket], check=False)
                s3fs.wait()
        requests = self.server.take_requests(key)
        return (seconds, len(requests), server.waves(requests),
                sum(request.bytes for request in requests))


def compare(title, made, actions, bucket, rounds):
    figures = {(name, action): [] for name in made for action in actions}
    for _ in range(rounds):
        for action, run in actions.items():
            for name, path in made.items():
                figures[name, action].append(bucket.measure(path, run))
    print(f"\n### {title}\n")
    print("| image | MB | " + " | ".join(actions) + " |")
    print("|---" * (2 + len(actions)) + "|")
    first = next(iter(made))
    for name, path in made.items():
        cells = []
        for action in actions:
            runs = figures[name, action]
            seconds = statistics.median(run[0] for run in runs)
            ratio = seconds / statistics.median(run[0] for run in figures[first, action])
            _, gets, depth, count = sorted(runs)[len(runs) // 2]
            cells.append(
                f"{seconds:.2f} s ({ratio:.2f}): {gets} GET, {depth} waves, {count / 1e6:.1f} MB")
        print(f"| {name} | {os.path.getsize(path) / 1e6:.1f} | " + " | ".join(cells) + " |",
              flush=True)


def predict(made, program, order, options):
    """What `info --cost` says of the same images without the network, for the traced program."""
    settings = dict(option.split("=") for option in options.split(",") if "=" in option)
    print("\n| `info --cost` | the traced program | `ls -lR` |\n|---|---|---|")
    for name, path in made.items():
        lines = subprocess.run(
            [program, "info", "--cost", "--json", path, "--trace", order,
             "--part-size", settings.get("multipart_size", "10"),
             "--parallel", settings.get("parallel_count", "5")],
            check=True, capture_output=True, text=True).stdout.splitlines()
        rows = [json.loads(line) for line in lines]
        cells = [f"{row['requests']} GET, {row['waves']} waves, {row['bytes'] / 1e6:.1f} MB"
                 for row in (rows[-1], rows[2])]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=30, help="milliseconds a request")
    parser.add_argument("--rate", type=float, default=1000, help="megabits a second")
    parser.add_argument("--options", default="multipart_size=5,parallel_count=2")
    parser.add_argument("--trees", nargs="+", default=["s3-small", "s3-scientific"])
    parser.add_argument("--images", nargs="+", help="rows of the table")
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.program)
    for name in arguments.trees:
        tree = trees.tree(name)
        folder = os.path.join(trees.CACHE, "s3", name)
        os.makedirs(folder, exist_ok=True)
        made = images(tree, CODE.get(name), program, folder, arguments.images)
        todo = actions(tree, CODE.get(name))
        bucket = Bucket(made, arguments.options, arguments.latency / 1000,
                        arguments.rate * 1e6 / 8)
        compare(f"{name}, {arguments.options}", made, todo, bucket, arguments.rounds)
        bucket.server.shutdown()
        if name in CODE:
            predict(made, program, os.path.join(folder, "order"), arguments.options)


if __name__ == "__main__":
    main()
