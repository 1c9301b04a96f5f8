#!/usr/bin/env bash
# Makes a Debian package of a program that was built: make-deb.sh PROGRAM FOLDER. `make deb` calls it.
#
# What is installed is what `make install` installs, and with it what a node needs: the unit, its configuration and the papers of a
# Debian package. Which libraries it depends on is asked of the program, so the package is for the Debian that it was built on.
set -euo pipefail
cd "$(dirname "$0")/.."

program=$1
folder=$2
# 0.1.0-dev comes before 0.1.0; Debian writes that with a tilde.
number=$("$program" --version | awk '{ print $2 }')
version=${number/-/\~}-1
architecture=$(dpkg --print-architecture)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
umask 022

# The program is built already, and the package is of that one.
"${MAKE:-make}" --no-print-directory --old-file=build install RELEASE="$program" DESTDIR="$root" PREFIX=/usr > "$work/install.log" ||
    { cat "$work/install.log" >&2 && exit 1; }
# It is read by a shell, and not run.
sed -i '1{/^#!/d}' "$root/usr/share/bash-completion/completions/portico"
# Debian has zsh look for what packages bring elsewhere.
mv "$root/usr/share/zsh/site-functions" "$root/usr/share/zsh/vendor-completions"
gzip -9n "$root"/usr/share/man/man1/*.1

install -D -m 644 deploy/systemd/portico.service "$root/lib/systemd/system/portico.service"
install -D -m 644 deploy/systemd/portico.tmpfiles "$root/usr/lib/tmpfiles.d/portico.conf"
install -D -m 644 deploy/systemd/portico.default "$root/etc/default/portico"
install -D -m 644 deploy/systemd/config.yaml "$root/etc/portico/config.yaml"
papers=$root/usr/share/doc/portico
install -D -m 644 deploy/debian/copyright "$papers/copyright"
gzip -9nc CHANGELOG.md > "$papers/changelog.gz"
# With the time of what it was built from, so that the same sources make the same package.
date=$(date -R -u -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || date +%s)}")
sed -e "s/@VERSION@/$version/" -e "s/@DATE@/$date/" deploy/debian/changelog | gzip -9n > "$papers/changelog.Debian.gz"
install -D -m 644 deploy/debian/lintian-overrides "$root/usr/share/lintian/overrides/portico"

# dpkg-shlibdeps wants the control file of a source package, whatever is in it, and a package's folder.
mkdir "$work/debian" "$root/DEBIAN"
printf 'Source: portico\n\nPackage: portico\nArchitecture: any\n' > "$work/debian/control"
libraries=$(cd "$work" && dpkg-shlibdeps -O "$root/usr/bin/portico" | sed -n 's/^shlibs:Depends=//p')
[[ -n $libraries ]] || { echo "portico: dpkg-shlibdeps names no library of $program" >&2 && exit 1; }

sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@LIBRARIES@/$libraries/" \
    -e "s/@SIZE@/$(du -k -s --apparent-size --exclude=DEBIAN "$root" | cut -f1)/" deploy/debian/control > "$root/DEBIAN/control"
install -m 644 deploy/debian/conffiles "$root/DEBIAN/conffiles"
install -m 755 deploy/debian/{postinst,prerm,postrm} "$root/DEBIAN/"
(cd "$root" && find . -type f -not -path './DEBIAN/*' -printf '%P\n' | LC_ALL=C sort | xargs md5sum) > "$root/DEBIAN/md5sums"

mkdir -p "$folder"
package=$folder/portico_${version}_$architecture.deb
SOURCE_DATE_EPOCH=$(date -d "$date" +%s) dpkg-deb --root-owner-group --build "$root" "$package" > /dev/null
if command -v lintian > /dev/null; then
    lintian --fail-on error,warning --tag-display-limit 0 --allow-root "$package"
else
    echo "portico: lintian is not installed, so $package was not looked at"
    [[ ${PORTICO_NO_SKIP:-0} == 0 ]] || exit 1
fi
echo "portico: $package"
