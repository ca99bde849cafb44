#!/bin/sh
# Installs a package in a bare Debian root, without a Swift toolchain, uses it, and purges it.
#
#   test-deb.sh PACKAGE [SUITE]
#
# SUITE is a Debian's name, by default that of this machine.
set -eu
cd "$(dirname "$0")/.."
package=$(realpath "$1")
suite=${2:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
root=$(mktemp -d)
trap 'umount -l "$root/srv/mounted" "$root/dev/fuse" "$root/proc" 2>/dev/null || true; rm -rf "$root"' EXIT
trap 'exit 130' INT TERM
say() { echo "test-deb: $*"; }
fail() {
  say "FAILED: $*" >&2
  exit 1
}
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }

say "a bare $suite"
debootstrap --variant=minbase "$suite" "$root" >"$root.log" 2>&1 || { tail "$root.log"; fail debootstrap; }
rm -f "$root.log"
mount -t proc proc "$root/proc"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# Nothing is to be started in there.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
cp "$package" "$root/autosquash.deb"
inside find / -xdev -type f -o -type l | sort >"$root.before"

say "installing"
inside apt-get install -y -qq --no-install-recommends /autosquash.deb >"$root/log" 2>&1 ||
  { tail "$root/log"; fail install; }
[ ! -e "$root/etc/autosquash.conf" ] || fail "setup ran without being asked"
inside autosquash --version

say "pack, verify, map"
mkdir -p "$root/srv/images"
cp TestData/course.tar.gz "$root/srv/"
inside autosquash pack /srv/course.tar.gz -o /srv/images/course.squash -q
inside autosquash verify /srv/images/course.squash --against /srv/course.tar.gz
printf 'images = /srv/images\nfstype = squashfs\n' >"$root/etc/autosquash.conf"
entry=$(inside /usr/libexec/autosquash/autosquash-map course)
[ "$entry" = '-fstype=squashfs,loop,ro,nosuid,nodev ":/srv/images/course.squash"' ] || fail "map: $entry"
[ "$(inside autosquash map course)" = "$entry" ] || fail "autosquash map"
rm "$root/etc/autosquash.conf"

say "mount, with the libfuse of $suite"
mkdir "$root/srv/mounted"
touch "$root/dev/fuse"
mount --bind /dev/fuse "$root/dev/fuse"
inside autosquash mount /srv/images/course.squash /srv/mounted
tar -xzOf TestData/course.tar.gz course/README.txt | cmp - "$root/srv/mounted/README.txt" ||
  fail "another README.txt"
inside autosquash unmount /srv/mounted
umount -l "$root/dev/fuse"

say "setup when asked"
sed -i 's/^SETUP=no/SETUP=yes/; s/^#SETUP_OPTIONS=.*/SETUP_OPTIONS="--images \/srv\/images"/' \
  "$root/etc/default/autosquash"
inside dpkg-reconfigure autosquash >"$root/log" 2>&1
grep -q '^images = /srv/images$' "$root/etc/autosquash.conf" || { cat "$root/log"; fail "no settings"; }
grep -q '^/mnt/autosquash file:/var/lib/autosquash/maps/top ' \
  "$root/etc/auto.master.d/autosquash.autofs" || fail "no master map"

say "remove, with links of the overlay"
mkdir -p "$root/srv/overlay/opt/course" "$root/etc/systemd/system/multi-user.target.wants"
echo reads >"$root/srv/overlay/opt/course/reads.fq"
echo top >"$root/srv/overlay/opt/top"
echo 'overlay = /srv/overlay' >>"$root/etc/autosquash.conf"
ln -s /lib/systemd/system/autosquash-overlay.service "$root/etc/systemd/system/multi-user.target.wants/"
inside autosquash overlay link -q
inside apt-get remove -y -qq autosquash >"$root/log" 2>&1
grep -q "^autosquash: 2 links into the overlay stay .*-lname '/srv/overlay/\*' -delete$" "$root/log" ||
  { cat "$root/log"; fail "nothing is said of links that stay"; }
[ "$(readlink "$root/opt/course/reads.fq")" = /srv/overlay/opt/course/reads.fq ] || fail "a link is gone"
[ ! -e "$root/etc/auto.master.d/autosquash.autofs" ] || fail "the master map stays"
[ -e "$root/etc/autosquash.conf" ] || fail "remove took the settings"

say "purge, with the links"
inside apt-get install -y -qq --no-install-recommends /autosquash.deb >"$root/log" 2>&1 ||
  { tail "$root/log"; fail "install again"; }
sed -i 's/^REMOVE_LINKS=no/REMOVE_LINKS=yes/' "$root/etc/default/autosquash"
inside apt-get purge -y -qq autosquash >"$root/log" 2>&1 || { cat "$root/log"; fail purge; }
grep -q '2 links removed, 1 directory removed' "$root/log" || { cat "$root/log"; fail "links stay"; }
rm -rf "$root/srv" "$root/log"
inside find / -xdev -type f -o -type l -o -type d -name '*autosquash*' -o -type d -name 'autofs.service.d' |
  sort >"$root.after"
left=$(comm -13 "$root.before" "$root.after" | grep -i -e autosquash -e '/etc/' |
  grep -v -e '/etc/ld.so' -e '^/autosquash.deb$' -e '/var/cache' -e '/var/log' || true)
rm -f "$root.before" "$root.after"
[ -z "$left" ] || fail "left behind: $left"

say "a machine image: each fault that doctor finds, mended by the command that it gives"
sudo() { "$@"; }
autosquash=$PWD/.build/release/autosquash
autosquash() { "$autosquash" "$@"; }
cd "$(dirname "$package")"
for round in 1 2 3 4 5 6 7 8; do
  autosquash doctor --root "$root" >"$root/log" && break
  command=$(grep -A 1 '^fail' "$root/log" | sed -n 's/^ *-> //p' | head -n 1)
  case $command in
    # What remains is to name the bucket.
    *examples/fstab*) command='echo "b /mnt/s3fs fuse.s3fs ro,_netdev,public_bucket=1 0 0" >>"$root/etc/fstab"' ;;
    *autosquash_*) command=$(echo "$command" | sed "s|autosquash_\*.deb|'$package'|") ;;
  esac
  command=$(echo "$command" | sed 's/apt-get install/apt-get install -y -qq --no-install-recommends/')
  DEBIAN_FRONTEND=noninteractive eval "$command" >"$root/log.command" 2>&1 ||
    { tail "$root/log.command"; fail "$command"; }
done
autosquash doctor --root "$root" >"$root/log" || { cat "$root/log"; fail "doctor --root"; }
grep -q "^ExecStart=/usr/bin/autosquash " "$root/etc/systemd/system/autosquash-refresh.service" ||
  fail "the unit names another program"
umount "$root/proc"
inside autosquash setup --timeout 60 >"$root/log" 2>&1 || { cat "$root/log"; fail "setup without /proc"; }
grep -q ' --timeout=60 ' "$root/etc/auto.master.d/autosquash.autofs" || fail "setup without /proc"
say "all is well"
