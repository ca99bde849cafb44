"""A machine, its bucket and the package: what all scenarios share."""

import pathlib
import subprocess
import tarfile
import time

import contents
import documents
import image
from bucket import Bucket
from machine import Machine, MachineError, accelerator

PAYLOAD = "/root/payload"
# docs/machines.md says when new images and a bucket that came back are there.
BACK_SECONDS = 120
SHUTDOWN_SECONDS = 60
POLL_SECONDS = 2


class Lab:
    def __init__(self, base, package, work, logs):
        self.base = base
        self.package = package
        self.work = pathlib.Path(work)
        self.logs = pathlib.Path(logs)
        self.accelerator = accelerator(base, self.logs)
        self.bucket = Bucket(self.logs)
        self.bucket.start()
        contents.fill(self.bucket, self.work)
        self.digest = contents.digest(self.work)
        self.payload = self.make_payload()
        self.latest = "course"
        self.is_prepared = False
        disk = self.work / "machine.ext4"
        image.copy_disk(base.disk, disk)
        self.machine = self.machine_with(disk)

    def close(self):
        self.machine.switch_off()
        self.bucket.stop()

    def machine_with(self, disk):
        return Machine(self.base, disk, self.payload, self.work, self.logs,
                       self.accelerator)

    def make_payload(self):
        """A disk with the package and the same as a newer version."""
        tree = self.work / "package"
        newer = self.work / "newer.deb"
        subprocess.run(["dpkg-deb", "-R", self.package, tree], check=True)
        control = tree / "DEBIAN/control"
        control.write_text(control.read_text().replace("\nVersion: ", "\nVersion: 1:", 1))
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, newer], check=True,
                       stdout=subprocess.DEVNULL)
        path = self.work / "payload.tar"
        with tarfile.open(path, "w") as archive:
            archive.add(self.package, "autosquash.deb")
            archive.add(newer, "newer.deb")
        return path

    @property
    def mount_line(self):
        """That of docs/machines.md, for this bucket."""
        line = documents.mount_line()
        return line.replace(" 0 0", f",url={self.bucket.url},use_path_request_style 0 0")

    # States

    def fresh(self):
        """A machine as it was delivered, running, with the package to install."""
        self.bucket.start()
        self.machine.boot()
        self.machine.check(f"mkdir -p {PAYLOAD} && tar -xf /dev/vdb -C {PAYLOAD}")
        return self.machine

    def ready(self):
        """A machine that runs and serves everything."""
        self.bucket.start()
        if not self.is_prepared:
            if not self.machine.is_on:
                self.fresh()
            self.prepare()
        if self.machine.is_on:
            self.machine.set_link(True)
            if not self.missing():
                return self.machine
            self.machine.switch_off()
        self.machine.boot()
        self.wait_until_served()
        if missing := self.missing():
            raise MachineError(f"the machine does not serve: {missing}")
        return self.machine

    def prepare(self):
        """Sets it up by steps that are known to work, whatever docs and doctor say."""
        self.is_prepared = True
        self.machine.check(f"apt-get install -q {PAYLOAD}/autosquash.deb", timeout=600)
        self.machine.check(
            "(umask 077; echo testing:testing >/etc/passwd-s3fs);"
            f" grep -q s3fs /etc/fstab || echo '{self.mount_line}' >>/etc/fstab;"
            " mkdir -p /mnt/s3fs; systemctl daemon-reload; systemctl start mnt-s3fs.mount;"
            " autosquash setup; systemctl enable --now autosquash-overlay.service; sync")

    def upload(self, name):
        """Puts another image and another file of the overlay into the bucket."""
        self.bucket.put(f"autosquash/{name}.squash", self.bucket.objects["autosquash/course.squash"])
        self.bucket.put(f"overlay/home/training/{name}", f"{name}\n".encode())
        self.latest = name

    # What is there

    def missing(self, machine=None):
        """What a user of the machine lacks of what is in the bucket, or nothing."""
        return self.missing_images(machine) + self.missing_links(machine)

    def missing_images(self, machine=None):
        machine = machine or self.machine
        names = "".join(f"{name}\n" for name in self.bucket.image_names())
        # What was read before can be read without the bucket.
        return (lacking(machine, "test -d /mnt/s3fs/autosquash && ls /mnt/autosquash", names)
                or lacking(machine, f"head -c 8 /mnt/autosquash/{self.latest}/README.txt",
                           "A small "))

    def missing_links(self, machine=None):
        files = self.bucket.overlay_files()
        command = f"for file in {' '.join(files)}; do test -L $file && cat $file; done"
        return lacking(machine or self.machine, command, b"".join(files.values()).decode())

    def wait_until_served(self, machine=None):
        """For images and links: the seconds until they are there, or None, and what lacks."""
        found = {"images": (None, "not tried"), "links": (None, "not tried")}
        started = time.monotonic()
        while time.monotonic() - started < BACK_SECONDS:
            for what, missing in (("images", self.missing_images), ("links", self.missing_links)):
                if found[what][0] is None:
                    text = missing(machine)
                    found[what] = (None if text else time.monotonic() - started, text)
            if all(seconds is not None for seconds, _ in found.values()):
                break
            time.sleep(POLL_SECONDS)
        return found


def lacking(machine, command, output):
    result = machine.run(command, timeout=20)
    return "" if result.status == 0 and result.output == output else f"{result}\n"


def wait_until(condition, timeout):
    """Whether it holds before that many seconds are over."""
    started = time.monotonic()
    while time.monotonic() - started < timeout:
        if condition():
            return True
        time.sleep(POLL_SECONDS)
    return False
