#!/bin/sh
# Builds autosquash_VERSION_ARCH.deb in the folder given, from what `make build` has built.
#
#   build-deb.sh FOLDER
set -eu
cd "$(dirname "$0")/.."
mkdir -p "$1"
target=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
root=$work/root

make -s install DESTDIR="$root" PREFIX=/usr
# Where Debian has units of packages.
mkdir -p "$root/lib/systemd"
mv "$root/usr/lib/systemd/system" "$root/lib/systemd/system"
rmdir -p "$root/usr/lib/systemd" 2>/dev/null || true
mkdir -p "$root/usr/share/zsh/vendor-completions"
mv "$root/usr/share/zsh/site-functions/_autosquash" "$root/usr/share/zsh/vendor-completions/"
rmdir "$root/usr/share/zsh/site-functions"
strip --strip-unneeded -R .comment -R .note "$root/usr/bin/autosquash"
install -D -m 0644 packaging/default "$root/etc/default/autosquash"
install -D -m 0644 packaging/lintian-overrides "$root/usr/share/lintian/overrides/autosquash"
# It is read, not run.
sed -i '1s/^#!.*/# bash completion of autosquash/' \
  "$root/usr/share/bash-completion/completions/autosquash"
find "$root/usr/share/man" -name '*.[1-8]' -exec gzip -9n {} +
ln -s autosquash-map.8.gz "$root/usr/share/man/man8/mount.autosquash.8.gz"

version=$("$root/usr/bin/autosquash" --version)
doc=$root/usr/share/doc/autosquash
mkdir -p "$doc"
install -m 0644 packaging/copyright "$doc/copyright"
sed "s/@version@/$version/" packaging/changelog | gzip -9n >"$doc/changelog.gz"
gzip -9n <README.md >"$doc/README.md.gz"
gzip -9n <CHANGELOG.md >"$doc/CHANGELOG.md.gz"
install -d "$doc/docs"
install -m 0644 docs/*.md docs/*.svg "$doc/docs"

# The C library, with which the program is linked, and libarchive, libcurl and libfuse, which it
# loads: for their versions, libraries linked with the same functions. The map needs none.
mkdir "$work/debian"
printf 'Source: autosquash\n\nPackage: autosquash\nArchitecture: any\n' >"$work/debian/control"
sed -n 's/^FUNCTION([^,]*, \(archive_[a-z0-9_]*\),.*/extern char \1; void *use_\1 = \&\1;/p' \
  Sources/CLibArchive/functions.h >"$work/archive.c"
gcc -shared -fPIC -o "$work/archive.so" "$work/archive.c" -larchive
sed -n 's/^FUNCTION([^,]*, \(curl_[a-z0-9_]*\).*/extern char \1; void *use_\1 = \&\1;/p' \
  Sources/CCurl/functions.h >"$work/curl.c"
gcc -shared -fPIC -o "$work/curl.so" "$work/curl.c" -lcurl
sed -n 's/^FUNCTION([^,]*, \(fuse_[a-z0-9_]*\),.*/extern char \1; void *use_\1 = \&\1;/p' \
  Sources/CFuse/functions.h >"$work/fuse.c"
gcc -shared -fPIC -o "$work/fuse.so" "$work/fuse.c" -lfuse3
depends=$(cd "$work" && dpkg-shlibdeps -O root/usr/bin/autosquash archive.so curl.so fuse.so 2>/dev/null |
  sed 's/^shlibs:Depends=//')
# Either libfuse will do (load.c), and a Debian has one of them.
depends=$(echo "$depends" | sed 's/libfuse3-[34] ([^)]*)/libfuse3-4 | libfuse3-3 (>= 3.7.0)/')
readelf -d "$root/usr/bin/autosquash" | grep -q RELR && depends="$depends, libc6 (>= 2.36)"
for library in libarchive libcurl libfuse3; do
  case $depends in *"$library"*) ;; *) echo "no package has $library" >&2; exit 1 ;; esac
done

mkdir "$root/DEBIAN"
size=$(du -sk --exclude=DEBIAN "$root" | cut -f1)
sed -e "s/@version@/$version/" -e "s/@arch@/$(dpkg --print-architecture)/" \
  -e "s/@size@/$size/" -e "s/@depends@/$depends/" packaging/control >"$root/DEBIAN/control"
echo /etc/default/autosquash >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
  install -m 0755 "packaging/$script" "$root/DEBIAN/$script"
done
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) \
  >"$root/DEBIAN/md5sums"
chmod -R u+rwX,go+rX,go-w "$root"
dpkg-deb --root-owner-group --build "$root" "$target"
