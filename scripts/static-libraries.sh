#!/bin/sh
# Fills a folder with links to the static forms of libraries, as far as they are installed. A linker
# that looks there first puts them into the program.
#
#   static-libraries.sh FOLDER NAME...
set -eu
folder=$1
shift
rm -rf "$folder"
mkdir -p "$folder"
# Swift's own clang links the program.
clang=$(dirname "$(readlink -f "$(command -v "${SWIFT:-swift}")")")/clang
[ -x "$clang" ] || clang=cc
for name; do
  # The static form of gcc_s has a name of its own.
  [ "$name" = gcc_s ] && form=gcc_eh || form=$name
  file=$("$clang" -print-file-name="lib$form.a")
  if [ -f "$file" ]; then ln -s "$file" "$folder/lib$name.a"; fi
done
