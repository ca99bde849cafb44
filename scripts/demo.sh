#!/bin/sh
# The main job, on a tarball: pack it, look at the image, and as root mount it.
set -eu
autosquash=$1
tarball=$2
folder=$(mktemp -d)
mounted=
finish() {
  [ -z "$mounted" ] || umount "$folder/mnt"
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM

name=$(basename "$tarball")
image=$folder/${name%%.*}.squash

echo "\$ autosquash pack $name"
"$autosquash" pack "$tarball" -o "$image"
echo
echo "\$ unsquashfs -lln ${name%%.*}.squash"
unsquashfs -lln "$image" | sed 's/squashfs-root//' | tail -n +4 | head -n 20
echo

if [ "$(id -u)" = 0 ]; then
  mkdir "$folder/mnt"
  echo "\$ mount -o loop,ro ${name%%.*}.squash /mnt && ls -l /mnt"
  mount -t squashfs -o loop,ro "$image" "$folder/mnt"
  mounted=yes
  ls -l "$folder/mnt"
else
  echo "Not root: the image is not mounted. As root, 'make demo' shows that too."
fi
