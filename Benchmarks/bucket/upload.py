#!/usr/bin/env python3
"""An image into a bucket: `upload` and `pack -o s3://`, against `aws s3 cp` of an image that is there.

    upload.py PROGRAM [--rounds N] [--latency MS] [--rate MBIT] [--sizes GB...]

The server (store.py) is as slow as a network. Ways take turns; medians. The memory of `pack` follows,
for sources of several sizes from a pipe.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import bench  # noqa: E402
import trees  # noqa: E402

AWS = os.path.join(HERE, "../../.build/awscli/bin/aws")
# Prints an archive of one file of some GiB, which compresses to a third.
STREAM = """
import sys, tarfile
size = int(float(sys.argv[1]) * (1 << 30))
info = tarfile.TarInfo("data")
info.size = size
sys.stdout.buffer.write(info.tobuf())
import random
random = random.Random(1)
blocks = [b"".join(b"%d %s\\n" % (random.randrange(10**9), b"ACGT"[i % 4:] * 3) for i in range(30000))
          for _ in range(8)]
left = size
count = 0
while left:
    block = b"%d\\n" % count + blocks[count % 8]
    count += 1
    sys.stdout.buffer.write(block[:left])
    left -= min(left, len(block))
sys.stdout.buffer.write(bytes(-size % 512 + 1024))
"""


class Store:
    def __init__(self, folder, latency, rate):
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "store.py"), folder, "--latency", str(latency),
             "--rate", str(rate), "--parent", str(os.getpid())],
            stdout=subprocess.PIPE, text=True)
        url = self.process.stdout.readline().strip()
        self.environment = {
            "AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret", "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}

    def take(self, command, name="image.squash"):
        """Runs a command that makes an object; removes the object."""
        figures = bench.timed(command, self.environment)
        path = f"{self.folder}/bucket/{name}"
        size = os.path.getsize(path)
        os.remove(path)
        os.remove(path + ".etag")
        return (*figures, size)


def cell(runs):
    seconds, processor, memory, _ = (statistics.median(column) for column in zip(*runs))
    return f"{seconds:.2f} s, processor {processor:.2f} s; {memory / 1000:.0f} MB"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--latency", type=float, default=30, help="milliseconds a request")
    parser.add_argument("--rate", type=float, default=1000, help="megabits a second")
    parser.add_argument("--sizes", type=float, nargs="*", default=[1, 20], help="of sources, in GiB")
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.program)
    image, _ = bench.image(program)
    tree = trees.tree("bucket-programs")
    size = os.path.getsize(image)
    pack = [program, "pack", tree, "-q", "--compression", "zstd", "--level", "9"]
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        os.mkdir(f"{folder}/bucket")
        store = Store(folder, arguments.latency, arguments.rate)
        local = f"{folder}/local.squash"
        ways = {
            "`aws s3 cp IMAGE s3://`": lambda: store.take(
                [AWS, "s3", "cp", "--quiet", image, "s3://bucket/image.squash"]),
            "`upload --no-verify IMAGE s3://`": lambda: store.take(
                [program, "upload", "-q", "--no-verify", image, "s3://bucket/"]),
            "`upload IMAGE s3://`": lambda: store.take(
                [program, "upload", "-q", image, "s3://bucket/"]),
            "`pack -o IMAGE`": lambda: (*bench.timed([*pack, "-f", "-o", local], {}), 0),
            "`pack -o s3://`": lambda: store.take([*pack, "-o", "s3://bucket/image.squash"]),
            "`pack -o IMAGE && aws s3 cp`": lambda: store.take(
                ["sh", "-c", '"$@" && exec "$AWS" s3 cp --quiet "$IMAGE" s3://bucket/image.squash', "sh",
                 *pack, "-f", "-o", local]),
        }
        store.environment.update(AWS=AWS, IMAGE=local)
        runs = {way: [] for way in ways}
        for _ in range(arguments.rounds):
            for way, run in ways.items():
                runs[way].append(run())
        print(f"\n### {size / 1e6:.1f} MB; {arguments.latency:g} ms a request, {arguments.rate:g} Mbit/s\n")
        print("| way | time, processor, memory |\n|---|---|")
        for way, figures in runs.items():
            print(f"| {way} | {cell(figures)} |")
        print(f"\nThe link takes {size * 8 / arguments.rate / 1e6:.2f} s for the image.\n")
        if arguments.sizes:
            print("| source, from a pipe | object | time | memory |\n|---|---|---|---|")
        for amount in arguments.sizes:
            seconds, _, memory, made = store.take(
                ["sh", "-c", '"$PYTHON" -c "$STREAM" "$0" | exec "$@"', f"{amount:g}", program, "pack", "-", "-q",
                 "--compression", "zstd", "--level", "1", "-o", "s3://bucket/image.squash"])
            print(f"| {amount:g} GiB | {made / 1e6:.0f} MB | {seconds:.1f} s | {memory / 1000:.0f} MB |")
        store.process.terminate()


if __name__ == "__main__":
    os.environ["PYTHON"], os.environ["STREAM"] = sys.executable, STREAM
    main()
