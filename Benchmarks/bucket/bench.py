#!/usr/bin/env python3
"""The commands on an image in a bucket, `s3://bucket/key`, against the same commands on a mount of
the bucket by s3fs. Needs root, for the mounts.

    bench.py PROGRAM [--rounds N] [--latency MS] [--rate MBIT] [--options S3FS-OPTIONS]
             [--commands NAME...] [--no-https]

The server (Tests/TestSupport/Servers/faults.py) is as slow as a network and counts requests. Each
figure is from cold: s3fs is mounted anew, has not looked the image up, and the page cache is empty.
Both ways take turns, with the local file as a third; medians. The processor's time of a command on
`https://` beyond that of the local one follows.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import trees  # noqa: E402

SERVER = os.path.join(HERE, "../../Tests/TestSupport/Servers/faults.py")
PACKAGES = "lib/site-packages"


def programs(folder):
    """Packages of science, and Python's library, most of it compiled: some 7,000 entries."""
    shutil.copytree(trees.tree("python"), f"{folder}/{PACKAGES}", symlinks=True)
    shutil.copytree(
        sysconfig.get_path("stdlib"), f"{folder}/lib/python", symlinks=True,
        ignore=shutil.ignore_patterns(
            "__pycache__", "test", "tests", "site-packages", "dist-packages", "config-*"))
    trees.run(
        sys.executable, "-m", "compileall", "-q", "-j", "0", f"{folder}/lib/python",
        f"{folder}/{PACKAGES}/numpy", f"{folder}/{PACKAGES}/scipy")


trees.TREES["bucket-programs"] = programs


def image(program):
    """The image, made when it is not there, and its number of entries."""
    tree = trees.tree("bucket-programs")
    folder = os.path.join(trees.CACHE, "bucket", "bucket")
    path = os.path.join(folder, "image.squash")
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        trees.run(
            program, "pack", tree, "-q", "-f", "--compression", "zstd", "--level", "9", "-o", path)
    return path, 1 + sum(len(names) + len(folders) for _, folders, names in os.walk(tree))


# Arguments with IMAGE for the image and OUT for a folder that is not there.
COMMANDS = {
    "ls": ["ls", "IMAGE"],
    "ls -lR": ["ls", "-lR", "IMAGE"],
    "info": ["info", "IMAGE"],
    "verify --quick": ["verify", "--quick", "-q", "IMAGE"],
    "cat, one deep file": ["cat", "IMAGE", f"{PACKAGES}/scipy/optimize/_trustregion_constr/report.py"],
    "extract, one folder": ["extract", "-q", "-d", "OUT", "IMAGE", f"{PACKAGES}/numpy"],
    "verify": ["verify", "-q", "IMAGE"],
}


def waves(requests):
    """How many round trips came one after another: a request that began when another had ended
    may have waited for it."""
    depth = []
    for request in requests:
        before = [number for other, number in depth if other["end"] <= request["start"]]
        depth.append((request, 1 + max(before, default=0)))
    return max((number for _, number in depth), default=0)


def timed(command, environment):
    """The seconds that a command takes, its processor time and its memory in kilobytes."""
    with tempfile.NamedTemporaryFile("r") as memory:
        start = time.monotonic()
        process = subprocess.Popen(
            ["time", "-q", "-f", "%M", "-o", memory.name, *command], stdout=subprocess.DEVNULL,
            env={**os.environ, **environment})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(command)} ended with status {process.returncode}")
        return seconds, usage.ru_utime + usage.ru_stime, int(memory.read())


class Bucket:
    """A server of the folder of buckets."""

    def __init__(self, folder, latency, rate, *options):
        self.process = subprocess.Popen(
            [sys.executable, SERVER, folder, "--latency", str(latency), "--rate", str(rate),
             "--parent", str(os.getpid()), *options], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        self.taken = 0

    def take_requests(self):
        """The requests since the last call."""
        with urllib.request.urlopen(f"{self.url}/_control?prefix=/bucket") as answer:
            requests = [json.loads(line) for line in answer.read().splitlines()]
        taken, self.taken = self.taken, len(requests)
        return sorted(requests[taken:], key=lambda request: request["start"])

    def run(self, program, command, name):
        """Seconds, requests, waves and bytes of a command on an image of that name."""
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3")
        # The program is in memory, and so is what it loads: s3fs runs already.
        with tempfile.NamedTemporaryFile() as empty:
            subprocess.run([program, "ls", f"{self.url}/bucket/none", empty.name], check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.take_requests()
        # In memory, so that a slow disk does not hide the network.
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            words = {"IMAGE": name, "OUT": f"{folder}/out"}
            seconds, _, memory = timed(
                [program, *(words.get(word, word) for word in command)], {
                    "AWS_ENDPOINT_URL": self.url, "AWS_REGION": "us-east-1",
                    "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
                    "AWS_CONFIG_FILE": "/nonexistent",
                    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"})
        requests = self.take_requests()
        return (seconds, len(requests), waves(requests),
                sum(request["bytes"] for request in requests), memory)

    def run_mounted(self, program, command, options):
        """The same on a mount by s3fs."""
        with tempfile.TemporaryDirectory() as folder:
            s3fs = subprocess.Popen(
                ["s3fs", "bucket", folder, "-f", "-o", f"public_bucket=1,url={self.url}", "-o",
                 "use_path_request_style,ro,allow_other", "-o", options],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                while not os.path.ismount(folder):
                    time.sleep(0.01)
                return self.run(program, command, f"{folder}/image.squash")
            finally:
                subprocess.run(["umount", "-l", folder], check=False)
                s3fs.wait()


def cell(runs):
    seconds = statistics.median(run[0] for run in runs)
    _, requests, depth, count, memory = sorted(runs)[len(runs) // 2]
    network = (f": {requests} request{'s' * (requests != 1)}, {depth} wave{'s' * (depth != 1)}, "
               f"{count / 1e6:.1f} MB" if requests else "")
    return f"{seconds:.3f} s{network}; {memory / 1000:.0f} MB"


def https(program, path, rounds):
    """Milliseconds of processor time of `info` on a file and by HTTP and HTTPS, with as many
    trusted certificates as the system has."""
    with tempfile.TemporaryDirectory() as folder:
        for name in os.listdir("/etc/ssl/certs"):
            if name.endswith(".pem"):
                shutil.copy(f"/etc/ssl/certs/{name}", folder)
        trees.run(
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key",
            "-out", f"{folder}/server.pem")
        trees.run("openssl", "rehash", folder)
        top = os.path.dirname(os.path.dirname(path))
        plain = Bucket(top, 0, 0)
        secure = Bucket(
            top, 0, 0, "--certificate", f"{folder}/server.pem", "--key", f"{folder}/key")
        names = {"local": path, "http": f"{plain.url}/bucket/image.squash",
                 "https": f"{secure.url}/bucket/image.squash"}
        times = {name: [] for name in names}
        try:
            for _ in range(4 * rounds):
                for name, image in names.items():
                    _, processor, _ = timed([program, "info", image], {
                        "SSL_CERT_DIR": folder, "SSL_CERT_FILE": "", "AWS_CA_BUNDLE": ""})
                    times[name].append(1000 * processor)
        finally:
            plain.process.terminate()
            secure.process.terminate()
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--latency", type=float, default=30, help="milliseconds a request")
    parser.add_argument("--rate", type=float, default=1000, help="megabits a second")
    parser.add_argument("--options", default="multipart_size=5,parallel_count=2")
    parser.add_argument("--commands", nargs="+", choices=list(COMMANDS), default=list(COMMANDS))
    parser.add_argument("--no-https", action="store_true")
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.program)
    path, entries = image(program)
    bucket = Bucket(os.path.dirname(os.path.dirname(path)), arguments.latency, arguments.rate)
    ways = {
        "`s3://`": lambda command: bucket.run(program, command, "s3://bucket/image.squash"),
        "on s3fs": lambda command: bucket.run_mounted(program, command, arguments.options),
        "local": lambda command: bucket.run(program, command, path)}
    figures = {(name, way): [] for name in arguments.commands for way in ways}
    link = []
    try:
        for _ in range(arguments.rounds):
            for name in arguments.commands:
                for way, run in ways.items():
                    figures[name, way].append(run(COMMANDS[name]))
            link.append(timed(
                ["curl", "-sS", "-o", "/dev/null", f"{bucket.url}/bucket/image.squash"], {})[0])
    finally:
        bucket.process.terminate()
    print(f"\n### {entries:,} entries, {os.path.getsize(path) / 1e6:.1f} MB; "
          f"{arguments.latency:g} ms a request, {arguments.rate:g} Mbit/s; s3fs with "
          f"{arguments.options}\n")
    print("| command | " + " | ".join(ways) + " | ratio |")
    print("|---" * (2 + len(ways)) + "|")
    for name in arguments.commands:
        ours, theirs = (
            statistics.median(run[0] for run in figures[name, way]) for way in list(ways)[:2])
        cells = [cell(figures[name, way]) for way in ways]
        print(f"| `{name}` | " + " | ".join(cells) + f" | {ours / theirs:.2f} |")
    print(f"\nThe last figure is the process's memory. curl takes {statistics.median(link):.3f} s to "
          "fetch the image.")
    if not arguments.no_https:
        times = https(program, path, arguments.rounds)
        print("\nProcessor time of `info`: " + ", ".join(
            f"{name} {value:.1f} ms" for name, value in times.items()) + ".")


if __name__ == "__main__":
    main()
