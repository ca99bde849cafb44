#!/bin/sh
# Shows the main job on a tarball: packs it, verifies and lists the image, and as root mounts it.
set -eu
autosquash=$(realpath "$1")
tarball=$(realpath "$2")
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
echo "\$ autosquash verify ${name%%.*}.squash --against $name"
(cd "$folder" && "$autosquash" verify "${image##*/}" --against "$tarball")
echo
echo "\$ autosquash ls -lR ${name%%.*}.squash"
"$autosquash" ls -lR "$image" | head -n 20
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
