"""A machine, its bucket and the package: what the scenarios share."""

import pathlib
import subprocess
import tarfile
import time

import contents
import image
from bucket import Bucket
from machine import Machine, MachineError, accelerator

PAYLOAD = "/root/payload"
# docs/machines.md says when new images and a bucket that came back are there.
BACK_SECONDS = 120
SHUTDOWN_SECONDS = 60
POLL_SECONDS = 2


class Place:
    """What machines share."""

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

    def close(self):
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


class Lab:
    """A machine that gets at the images in one way."""

    def __init__(self, place, way):
        self.place = place
        self.bucket = place.bucket
        self.way = way(place.bucket)
        self.latest = "course"
        self.is_prepared = False
        self.disk = place.work / f"{way.name}.ext4"
        image.copy_disk(place.base.disk, self.disk)
        self.machine = place.machine_with(self.disk)

    def close(self):
        self.machine.switch_off()
        self.disk.unlink()

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
        self.way.set_up(self.machine)

    def upload(self, name):
        """Puts another image and another file of the overlay into the bucket."""
        self.bucket.put(f"autosquash/{name}.squash", self.bucket.objects["autosquash/course.squash"])
        self.bucket.put(f"overlay/home/training/{name}", f"{name}\n".encode())
        self.latest = name

    # What is there

    def missing(self, machine=None):
        """What a user of the machine lacks of what is in the bucket, or nothing."""
        return "".join(missing(machine) for missing in self.parts.values())

    @property
    def parts(self):
        """What is looked for: what tells that it is missing."""
        parts = {"images": self.missing_images}
        return parts | {"links": self.missing_links} if self.way.has_overlay else parts

    def missing_images(self, machine=None):
        machine = machine or self.machine
        names = "".join(f"{name}\n" for name in self.bucket.image_names())
        # What was read before can be read without the bucket.
        return (lacking(machine, f"{self.way.ready} && ls /mnt/autosquash", names)
                or lacking(machine, f"head -c 8 /mnt/autosquash/{self.latest}/README.txt",
                           "A small "))

    def missing_links(self, machine=None):
        files = self.bucket.overlay_files()
        command = f"for file in {' '.join(files)}; do test -L $file && cat $file; done"
        return lacking(machine or self.machine, command, b"".join(files.values()).decode())

    def wait_until_served(self, machine=None):
        """For each part: the seconds until it is there, or None, and what lacks."""
        parts = self.parts
        found = {what: (None, "not tried") for what in parts}
        started = time.monotonic()
        while time.monotonic() - started < BACK_SECONDS:
            for what, missing in parts.items():
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
