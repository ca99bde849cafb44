"""The two ways to the images: mounted from the bucket by autosquash, or lying on a mount by s3fs."""

import documents
from bucket import NAME

KEY = "testing"


class Direct:
    """autofs has `autosquash mount` mount each image."""

    name = "direct"
    section = "Set up a machine"
    # The bucket itself is mounted nowhere.
    has_overlay = False
    # Who waits for the bucket gets an error in time.
    reading_fails = True
    units = []
    ready = "true"
    credentials = "/root/.aws/credentials"
    credentials_text = f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {KEY}\n"

    def __init__(self, bucket):
        self.bucket = bucket

    @property
    def setup(self):
        """The options of `autosquash setup`."""
        return ["--images", f"s3://{NAME}/autosquash", "--endpoint-url", self.bucket.url]

    def commands(self):
        """Those of docs/machines.md, for a store of one's own, as the table below them says."""
        return [command + f" --endpoint-url {self.bucket.url}" if " setup " in command else command
                for command in documents.commands("machines.md", self.section)]

    def introduce(self, machine):
        """What docs/machines.md has an administrator write beforehand."""
        machine.check(self.writing_credentials)

    @property
    def writing_credentials(self):
        return ("mkdir -p -m 700 /root/.aws && (umask 077; printf '%s' "
                f"'{self.credentials_text}' >{self.credentials})")

    def check_set_up(self, machine, check):
        """What holds on a machine that was set up by docs/machines.md."""
        server = machine.run("head -c 4 /mnt/autosquash/course/README.txt >/dev/null;"
                             " stat -c %U $(pgrep -f '[a]utosquash mount .*/course.squash' | sed 's|^|/proc/|')")
        check.holds("who serves an image is nobody", "nobody" in server.output.split(), server)

    def set_up(self, machine):
        """By steps that are known to work, whatever docs and doctor say."""
        machine.check(f"{self.writing_credentials}; apt-get install -q autofs fuse3;"
                      f" autosquash setup {' '.join(self.setup)}; sync", timeout=600)

    def write_into(self, tree):
        """What `setup` does not put into a machine image."""
        folder = tree / "root/.aws"
        folder.mkdir(0o700)
        (folder / "credentials").touch(0o600)
        (folder / "credentials").write_text(self.credentials_text)


class S3fs:
    """The bucket is mounted by s3fs, and the kernel mounts images on it."""

    name = "s3fs"
    section = "Set up a machine with s3fs"
    has_overlay = True
    reading_fails = False
    units = ["mnt-s3fs.mount"]
    ready = "test -d /mnt/s3fs/autosquash"
    setup = []

    def __init__(self, bucket):
        self.bucket = bucket

    @property
    def mount_line(self):
        """That of docs/machines.md, for this bucket."""
        line = documents.mount_line()
        return line.replace(" 0 0", f",url={self.bucket.url},use_path_request_style 0 0")

    def commands(self):
        return documents.commands("machines.md", self.section)

    def introduce(self, machine):
        machine.check(f"echo '{self.mount_line}' >>/etc/fstab")

    def check_set_up(self, machine, check):
        credentials = machine.run("ls -l /etc/passwd-s3fs").output
        check.holds("machines.md: where the credentials are", credentials.startswith("-rw-------"),
                    credentials)
        self.check_mount(machine, check)

    def check_mount(self, machine, check):
        options = machine.run("findmnt -no OPTIONS /mnt/s3fs").output
        check.holds("the bucket is mounted ro,nosuid,nodev",
                    {"ro", "nosuid", "nodev"} <= set(options.strip().split(",")), options)

    def set_up(self, machine):
        machine.check(
            f"(umask 077; echo {KEY}:{KEY} >/etc/passwd-s3fs);"
            f" grep -q s3fs /etc/fstab || echo '{self.mount_line}' >>/etc/fstab;"
            " apt-get install -q autofs s3fs;"
            " mkdir -p /mnt/s3fs; systemctl daemon-reload; systemctl start mnt-s3fs.mount;"
            " autosquash setup; systemctl enable --now autosquash-overlay.service; sync",
            timeout=600)

    def write_into(self, tree):
        with open(tree / "etc/fstab", "a") as file:
            file.write(self.mount_line + "\n")
        credentials = tree / "etc/passwd-s3fs"
        credentials.touch(0o600)
        credentials.write_text(f"{KEY}:{KEY}\n")


ALL = [Direct, S3fs]
