"""The disk of the virtual machine: Debian 12 as its own packages make it, without autosquash."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

SUITE = "bookworm"
# A server's usual packages. The agent takes the test's commands, even while the network is down.
INCLUDED = """
    linux-image-cloud-amd64 systemd-sysv systemd-timesyncd udev dbus kmod iproute2 procps sudo
    initramfs-tools qemu-guest-agent ca-certificates file libarchive13 libcurl3-gnutls python3
""".split()
# The dependencies of autosquash, for a guest without a network of its own.
OFFERED = """
    autofs fuse3 s3fs squashfuse libarchive13 libbz2-1.0 libcurl4 libfuse3-3 liblz4-1 liblzma5
    liblzo2-2 libnettle8 libzstd1 zlib1g
""".split()

PREPARE = r"""
set -e
echo machine >"$1/etc/hostname"
echo '127.0.0.1 localhost machine' >"$1/etc/hosts"
echo '/dev/vda / ext4 defaults 0 0' >"$1/etc/fstab"
printf '[Match]\nName=en*\n[Network]\nDHCP=yes\n' >"$1/etc/systemd/network/80-dhcp.network"
# A server that never answers: the clock is served, and not set yet.
printf '[Time]\nNTP=10.0.2.2\nFallbackNTP=10.0.2.2\n' >"$1/etc/systemd/timesyncd.conf"
# What the agent has started must not keep it when the machine stops; that would be the test's time.
# Nor is what it does of interest in the log.
mkdir -p "$1/etc/systemd/system/qemu-guest-agent.service.d" "$1/var/log/journal"
printf '[Service]\nKillMode=process\nLogLevelMax=notice\n' >"$1/etc/systemd/system/qemu-guest-agent.service.d/test.conf"
chroot "$1" systemctl -q enable systemd-networkd
chroot "$1" systemctl -q mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service
chroot "$1" useradd -m -s /bin/bash student
chroot "$1" useradd -m -s /bin/bash training
# Only what this disk needs at boot, and made once: it takes minutes on an emulated machine.
printf 'MODULES=list\nCOMPRESS=gzip\n' >"$1/etc/initramfs-tools/conf.d/test"
printf 'virtio_pci\nvirtio_blk\next4\n' >"$1/etc/initramfs-tools/modules"
chroot "$1" update-initramfs -u
printf 'update_initramfs=no\n' >"$1/etc/initramfs-tools/update-initramfs.conf"
# A repository of the packages that are installed later, with what they recommend.
mkdir -p "$1/srv/debs/partial"
chroot "$1" apt-get install -y --download-only -o Dir::Cache::archives=/srv/debs \
  -o APT::Install-Recommends=true OFFERED
rm -r "$1"/srv/debs/partial "$1"/srv/debs/lock
(cd "$1/srv/debs" && dpkg-scanpackages . 2>/dev/null >Packages)
rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/debs ./' >"$1/etc/apt/sources.list"
printf 'APT::Get::Assume-Yes "true";\n' >"$1/etc/apt/apt.conf.d/90test"
""".replace("OFFERED", " ".join(OFFERED))


class Base:
    """The system as a tar archive, and what boots it; made once and kept."""

    def __init__(self):
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        recipe = "\n".join([SUITE, *INCLUDED, PREPARE])
        key = hashlib.sha256(recipe.encode()).hexdigest()[:12]
        self.folder = pathlib.Path(cache, "autosquash-vm", f"{SUITE}-{key}")
        self.archive = self.folder / "root.tar"
        self.kernel = self.folder / "vmlinuz"
        self.initrd = self.folder / "initrd.img"
        self.disk = self.folder / "disk.ext4"

    def make(self, log):
        """Builds it, where it is not there."""
        if self.folder.exists():
            return
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        work = pathlib.Path(tempfile.mkdtemp(prefix="part-", dir=self.folder.parent))
        try:
            self.build(work, log)
            work.rename(self.folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def build(self, work, log):
        root = work / "root"
        run_apart("mmdebstrap", "--mode=root", "--variant=minbase",
                  "--include", ",".join(INCLUDED), "--customize-hook", PREPARE, SUITE, root,
                  stdout=log, stderr=log, check=True)
        # The guest's own lists, made after mmdebstrap removed Debian's.
        run_apart("chroot", root, "apt-get", "update", "-q", stdout=log, stderr=log, check=True)
        for name in "vmlinuz", "initrd.img":
            shutil.copyfile(next((root / "boot").glob(f"{name}-*")), work / name)
        write_disk(root, work / "disk.ext4")
        subprocess.run(["tar", "-C", root, "-cf", work / "root.tar", "--numeric-owner", "."],
                       check=True)
        shutil.rmtree(root)

    def unpack(self, folder):
        """A tree of it, to be changed before it becomes a disk."""
        folder.mkdir()
        subprocess.run(["tar", "-C", folder, "-xpf", self.archive, "--numeric-owner"], check=True)


def run_apart(*command, **options):
    """Runs a program whose mounts and processes are gone when it ends, or this one does."""
    return subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", *command],
                          **options)


def write_disk(root, path):
    """A file system with what a directory holds, and room for a gigabyte or two."""
    subprocess.run(["mkfs.ext4", "-q", "-F", "-d", root, path, "3G"], check=True,
                   stdout=subprocess.DEVNULL)


def copy_disk(source, target):
    subprocess.run(["cp", "--sparse=always", source, target], check=True)
