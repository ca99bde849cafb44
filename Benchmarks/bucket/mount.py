#!/usr/bin/env python3
"""An image in a bucket, mounted by `autosquash mount`, against a loop device over mounts of the
bucket by s3fs and by rclone. Needs root.

    mount.py PROGRAM [--rounds N] [--latency MS] [--rate MBIT] [--options S3FS-OPTIONS]
             [--actions NAME...] [--ways NAME...]

Each figure is from cold and includes the image's mount; the mounts by s3fs and rclone are there
already. The image is packed with the access order of its program, tables in front. Ways take turns;
medians.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), HERE, os.path.join(HERE, "../s3")]
import bench  # noqa: E402
import trees  # noqa: E402
import importlib.util  # noqa: E402

spec = importlib.util.spec_from_file_location("s3bench", os.path.join(HERE, "../s3/bench.py"))
s3 = importlib.util.module_from_spec(spec)
spec.loader.exec_module(s3)

CODE = "import numpy"


def programs(folder):
    """Python with some packages of science: some 7,000 entries."""
    s3.interpreter(folder)
    trees.run(
        sys.executable, "-m", "pip", "install", "-q", "--no-compile", "--only-binary=:all:", "--target",
        f"{folder}/lib/python{sysconfig.get_python_version()}/site-packages",
        "numpy==2.0.2", "scipy==1.13.1", "pandas==2.2.2", "biopython==1.84")
    s3.compile_all(folder)


trees.TREES["bucket-python"] = programs
QUIET = {"stdout": subprocess.DEVNULL, "check": True}


def image(program, tree):
    folder = os.path.join(trees.CACHE, "bucket", "bucket")
    os.makedirs(folder, exist_ok=True)
    path, order = os.path.join(folder, "ordered.squash"), os.path.join(trees.CACHE, "bucket", "order")
    if not os.path.exists(path):
        trees.run(program, "trace", tree, "-q", "-f", "-o", order, "--", *s3.python(tree, CODE))
        trees.run(program, "pack", tree, "-q", "-f", "--compression", "zstd", "--level", "9", "--order",
                  order, "--layout", "front", "-o", path)
    small = os.path.join(folder, "small.squash")
    if not os.path.exists(small):
        with tempfile.TemporaryDirectory() as empty:
            trees.run(program, "pack", empty, "-q", "-o", small)
    return path


def actions(tree):
    files = []
    for folder, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path) and 0 < os.path.getsize(path) < 65536:
                files.append(os.path.relpath(path, tree))
    files.sort()
    some = random.Random(1).sample(files, 200)
    deep = max(files, key=lambda path: path.count("/"))

    def eight(root):
        readers = [subprocess.Popen(["cat", *some[start::8]], cwd=root, stdout=subprocess.DEVNULL)
                   for start in range(8)]
        if any(reader.wait() for reader in readers):
            sys.exit("a reader failed")

    return {
        "ls -l": lambda root: subprocess.run(["ls", "-l", root], **QUIET),
        "a deep file": lambda root: subprocess.run(["cat", deep], cwd=root, **QUIET),
        "ls -lR": lambda root: subprocess.run(["ls", "-lR", root], **QUIET),
        "import numpy": lambda root: subprocess.run(s3.python(root, CODE), **QUIET),
        "200 random files": lambda root: subprocess.run(["cat", *some], cwd=root, **QUIET),
        "200 random files, 8 readers": eight,
    }


def drop_caches(program):
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("3")
    # The programs themselves are in memory.
    for command in ([program, "--version"], ["ls", "--version"], ["cat", "--version"],
                    ["mount", "--version"]):
        subprocess.run(command, **QUIET)


def memory(root):
    """Kilobytes of the process that serves a mount."""
    lines = subprocess.run(["ps", "-eo", "rss,args"], capture_output=True, text=True).stdout
    return max((int(line.split()[0]) for line in lines.splitlines() if f" {root}" in line
                and "autosquash mount" in line), default=0)


class Lab:
    def __init__(self, program, bucket, options):
        self.program = program
        self.bucket = bucket
        self.options = options
        self.environment = {
            **os.environ, "AWS_ENDPOINT_URL": bucket.url, "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}

    def figures(self, start):
        seconds = time.monotonic() - start
        requests = self.bucket.take_requests()
        return (seconds, len(requests), bench.waves(requests),
                sum(request["bytes"] for request in requests))

    def direct(self, action, folder, cache="none", before=None):
        root = f"{folder}/root"
        os.makedirs(root, exist_ok=True)
        if before:
            self.direct(before, folder, cache)
        drop_caches(self.program)
        # Its libraries, and the way to the bucket: s3fs and rclone run already.
        subprocess.run([self.program, "info", "s3://bucket/small.squash"], env=self.environment, **QUIET)
        self.bucket.take_requests()
        start = time.monotonic()
        subprocess.run(
            [self.program, "mount", "s3://bucket/ordered.squash", root, "--cache", cache],
            check=True, env=self.environment)
        try:
            action(root)
            figures = self.figures(start)
            return (*figures, memory(root))
        finally:
            subprocess.run([self.program, "unmount", root], check=True)

    def warm(self, action, folder):
        return self.direct(action, folder, f"{folder}/cache", before=action)

    def looped(self, action, folder, start_bucket):
        bucket, root = f"{folder}/bucket", f"{folder}/root"
        os.makedirs(bucket)
        os.makedirs(root)
        server = start_bucket(bucket)
        try:
            while not os.path.ismount(bucket):
                time.sleep(0.01)
            drop_caches(self.program)
            self.bucket.take_requests()
            start = time.monotonic()
            subprocess.run(
                ["mount", "-t", "squashfs", "-o", "loop,ro", f"{bucket}/ordered.squash", root],
                check=True)
            try:
                action(root)
                return (*self.figures(start), 0)
            finally:
                subprocess.run(["umount", root], check=True)
        finally:
            subprocess.run(["umount", "-l", bucket], check=False)
            server.wait()

    def s3fs(self, action, folder):
        return self.looped(action, folder, lambda bucket: subprocess.Popen(
            ["s3fs", "bucket", bucket, "-f", "-o", f"public_bucket=1,url={self.bucket.url}", "-o",
             "use_path_request_style,ro,allow_other", "-o", self.options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def rclone(self, action, folder):
        remote = (f":s3,provider=Other,access_key_id=key,secret_access_key=secret,"
                  f"endpoint='{self.bucket.url}':bucket")
        program = os.path.join(HERE, "../../.build/python/bin/rclone")
        return self.looped(action, folder, lambda bucket: subprocess.Popen(
            [program, "mount", remote, bucket, "--read-only", "--vfs-cache-mode", "full",
             "--cache-dir", f"{folder}/rclone", "--config", "/dev/null", "--allow-other"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


def cell(runs):
    seconds = statistics.median(run[0] for run in runs)
    _, requests, depth, count, used = sorted(runs)[len(runs) // 2]
    text = (f"{seconds:.3f} s: {requests} request{'s' * (requests != 1)}, "
            f"{depth} wave{'s' * (depth != 1)}, {count / 1e6:.1f} MB")
    return text + (f"; {used / 1000:.0f} MB" if used else "")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--latency", type=float, default=30, help="milliseconds a request")
    parser.add_argument("--rate", type=float, default=1000, help="megabits a second")
    parser.add_argument("--options", default="multipart_size=5,parallel_count=2")
    parser.add_argument("--actions", nargs="+")
    parser.add_argument("--ways", nargs="+", default=["direct", "warm", "s3fs", "rclone"])
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.program)
    tree = trees.tree("bucket-python")
    path = image(program, tree)
    bucket = bench.Bucket(
        os.path.dirname(os.path.dirname(path)), arguments.latency, arguments.rate)
    lab = Lab(program, bucket, arguments.options)
    todo = {name: run for name, run in actions(tree).items()
            if not arguments.actions or name in arguments.actions}
    figures = {(name, way): [] for name in todo for way in arguments.ways}
    try:
        for _ in range(arguments.rounds):
            for name, action in todo.items():
                for way in arguments.ways:
                    with tempfile.TemporaryDirectory() as folder:
                        figures[name, way].append(getattr(lab, way)(action, folder))
    finally:
        bucket.process.terminate()
    titles = {"direct": "`autosquash mount`", "warm": "again, from its cache", "s3fs": "s3fs and loop",
              "rclone": "rclone (full) and loop"}
    print(f"\n### {os.path.getsize(path) / 1e6:.1f} MB; {arguments.latency:g} ms a request, "
          f"{arguments.rate:g} Mbit/s; s3fs with {arguments.options}\n")
    print("| | " + " | ".join(titles[way] for way in arguments.ways) + " | ratios |")
    print("|---" * (2 + len(arguments.ways)) + "|")
    for name in todo:
        seconds = {way: statistics.median(run[0] for run in figures[name, way])
                   for way in arguments.ways}
        ratios = [f"{seconds[arguments.ways[0]] / seconds[way]:.2f}" for way in arguments.ways[1:]
                  if way != "warm"]
        print(f"| `{name}` | " + " | ".join(cell(figures[name, way]) for way in arguments.ways)
              + f" | {', '.join(ratios)} |")


if __name__ == "__main__":
    main()
