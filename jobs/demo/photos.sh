#!/bin/sh
# photos.sh CACHE - print the demo's photographs as a list for reap import: the
# path, a tab, the index of the class that the photograph shows
#
# photos.tsv names 102 photographs in Debian's package tuxpaint-stamps-default
# (GPL-2, 160 MB). They are taken from where it is installed, else from the
# cache, else the package is fetched with apt-get (no root needed), the
# photographs are kept in the cache and the rest is thrown away.
set -eu
here=$(dirname "$0")
cache=$1/tuxpaint-photos
list() { cut -f1 "$here/photos.tsv" | sed 1d; }

whole() { # are all of them below this folder?
    list | while read -r p; do
        [ -s "$1$p" ] || exit 1
    done
}
download() { # as the user that runs this, who owns the folder
    apt-get -qq -o APT::Sandbox::User=root download tuxpaint-stamps-default >&2
}
get() { # the package's lists may never have been fetched
    download && return
    if [ "$(id -u)" = 0 ]; then apt-get update; else sudo -n apt-get update; fi \
        >/dev/null 2>&1 && download
}
fetch() {
    tmp=$(mktemp -d "$1/fetch.XXXXXX")
    trap 'rm -rf "$tmp"' EXIT
    echo "fetching tuxpaint-stamps-default (160 MB) with apt-get" >&2
    (cd "$tmp" && get && dpkg -x ./*.deb all) || return 1
    list | while read -r p; do
        mkdir -p "$tmp/kept$(dirname "$p")"
        mv "$tmp/all$p" "$tmp/kept$p" || exit 1
    done || return 1
    rm -rf "$cache"
    mv "$tmp/kept" "$cache"
}

root=
if ! whole ''; then
    root=$cache
    mkdir -p "$1"
    whole "$cache" || fetch "$1" || {
        cat >&2 <<EOT
The demo's photographs cannot be fetched here. They come with the package
tuxpaint-stamps-default of Debian and Ubuntu: type
    sudo apt-get install tuxpaint-stamps-default
and run make demo again; or unpack that package below $cache.
EOT
        exit 66
    }
fi
sed 1d "$here/photos.tsv" | cut -f1,2 | sed "s|^|$root|"
