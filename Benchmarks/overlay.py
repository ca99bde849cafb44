#!/usr/bin/env python3
"""Times `autosquash overlay link` on a bucket of many files, and counts the requests it makes.

    overlay.py PROGRAM [--files N] [--directories N]

A real s3fs reads a real S3 server on the loopback device, moto from `make test-deps`; needs root.
The server is a slow one, so look at the second run: what is right already should cost a listing of
each directory and nothing for each file.
"""

import argparse
import concurrent.futures
import http.client
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUCKET = "edgen-training"


def start_server(folder):
    log = open(os.path.join(folder, "log"), "w+")
    server = subprocess.Popen(
        [os.path.join(ROOT, ".build/python/bin/moto_server"), "-H", "127.0.0.1", "-p", "0"],
        stdout=log, stderr=log)
    while True:
        with open(log.name) as file:
            found = re.search(r"Running on http://127.0.0.1:(\d+)", file.read())
        if found:
            return server, int(found[1]), log.name
        time.sleep(0.1)


def put(port, keys):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for key in keys:
        connection.request("PUT", f"/{BUCKET}/{key}", b"ACGT\n" if key else b"")
        connection.getresponse().read()
        connection.close()


def requests(log, start):
    """The requests in the log after a position, by method."""
    with open(log) as file:
        file.seek(start)
        lines = re.findall(r'"(?:\x1b\[\d+m)*(HEAD|GET|PUT) (\S+)', file.read())
    return Counter("LIST" if "prefix=" in path else method for method, path in lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--directories", type=int, default=50)
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp()
    mount = os.path.join(folder, "s3fs")
    root = os.path.join(folder, "root")
    os.mkdir(mount)
    os.mkdir(root)
    server, port, log = start_server(folder)
    try:
        put(port, [""])
        keys = [f"overlay/home/training/d{i % arguments.directories}/file-{i}.fa"
                for i in range(arguments.files)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda part: put(port, keys[part::8]), range(8)))
        passwords = os.path.join(folder, "passwd")
        with open(passwords, "w") as file:
            file.write("testing:testing\n")
        os.chmod(passwords, 0o600)
        subprocess.run(
            ["s3fs", BUCKET, mount, "-o", f"passwd_file={passwords}", "-o",
             f"url=http://127.0.0.1:{port},use_path_request_style,ro,allow_other,umask=0022"],
            check=True)
        print("| run | seconds | CPU seconds | requests | says |\n|---|---|---|---|---|")
        for run in ["first", "second", "third"]:
            position = os.path.getsize(log)
            before = time.monotonic()
            usage = os.times()
            result = subprocess.run(
                [arguments.program, "overlay", "link", "--overlay", f"{mount}/overlay", "--root",
                 root], capture_output=True, text=True)
            seconds = time.monotonic() - before
            after = os.times()
            cpu = after.children_user + after.children_system - usage.children_user - usage.children_system
            time.sleep(0.5)
            counts = ", ".join(f"{n} {method}" for method, n in sorted(requests(log, position).items()))
            print(f"| {run} | {seconds:.2f} | {cpu:.2f} | {counts} | {result.stdout.strip()} {result.stderr.strip()} |", flush=True)
    finally:
        subprocess.run(["umount", "-l", mount])
        server.kill()
        time.sleep(0.5)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
