"""What lies in the bucket, and how a tree is compared in the guest with its source."""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".build/release/autosquash"
SOURCE = ROOT / "TestData/course.tar.gz"
COMPRESSORS = ["xz", "gzip", "zstd", "lz4", "none"]
LAYOUTS = ["standard", "front"]
BLOCK_SIZES = ["4K", "64K", "128K", "1M"]
# More than s3fs reads ahead.
BIG_SIZE = 32 << 20

# Every file with its hash; every entry with kind, permissions and target.
DIGEST = r"""
export LC_ALL=C
{ find . -type f -print0 | sort -z | xargs -0 sha256sum
  find . ! -name . -printf '%y %m %l %P\0' | sort -z; } | sha256sum
""".strip()


def fill(bucket, folder):
    """Packs images and puts them into the bucket."""
    def pack(source, key, *options):
        image = folder / "image.squash"
        subprocess.run([PROGRAM, "pack", source, "-o", image, "--force", "-q", *options],
                       check=True)
        bucket.put(f"autosquash/{key}.squash", image.read_bytes())
        image.unlink()

    for key in "course", "data", "course1/week1/data", *(f"spare-{n}" for n in range(8)):
        pack(SOURCE, key)
    for index, key in enumerate(matrix()):
        compressor, layout, size = key.removeprefix("matrix/").split("-")
        pack(SOURCE, key, "--compression", compressor, "--layout", layout, "--block-size", size)
    big = folder / "big"
    big.mkdir()
    (big / "data").write_bytes(os.urandom(BIG_SIZE))
    pack(big, "big", "--compression", "none")
    for path, text in [("home/training/my_course/notes.txt", "notes\n"),
                       ("opt/tools/README", "tools\n"), ("usr/local/bin/hello", "echo hello\n")]:
        bucket.put(f"overlay/{path}", text.encode())


def matrix():
    """Images of all compressors and layouts, with the block sizes in turn."""
    pairs = [(compressor, layout) for compressor in COMPRESSORS for layout in LAYOUTS]
    return [f"matrix/{compressor}-{layout}-{BLOCK_SIZES[index % len(BLOCK_SIZES)]}"
            for index, (compressor, layout) in enumerate(pairs)]


def digest(folder):
    """Of the source, as tar unpacks it."""
    tree = folder / "source"
    tree.mkdir()
    subprocess.run(["tar", "-C", tree, "--strip-components=1", "-xpzf", SOURCE], check=True)
    return subprocess.run(["sh", "-c", DIGEST], cwd=tree, check=True, capture_output=True,
                          text=True).stdout
