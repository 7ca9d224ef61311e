#!/bin/sh
# deps.sh [--check] [--with-clang] - what reap needs on Debian 12, 13 or Ubuntu
#
# Looks for each dependency by what the build will ask for: a command or a
# pkg-config module. What is missing is installed through apt-get as root or
# where sudo asks for no password; otherwise the one line to type is printed
# and the exit status is 1. Says nothing when all is there. --check looks at
# what compiling needs, and installs nothing. clang is for 'make check-san'.
check=
clang=
for word; do
    case $word in
    --check) check=yes ;;
    --with-clang) clang='command clang clang' ;;
    *)
        echo "usage: deps.sh [--check] [--with-clang]" >&2
        exit 64
        ;;
    esac
done

# how to look for it, its name there, the package that brings it
needs() {
    cat <<LIST
command pkg-config pkg-config
command cc build-essential
command protoc-c protobuf-c-compiler
pc ompi-c libopenmpi-dev
pc vips libvips-dev
pc lmdb liblmdb-dev
pc openblas libopenblas-dev
pc libturbojpeg libturbojpeg0-dev
pc libjpeg libjpeg-dev
pc libtiff-4 libtiff-dev
pc hdf5 libhdf5-dev
pc jansson libjansson-dev
pc libzip libzip-dev
pc libcurl libcurl4-openssl-dev
pc libarchive libarchive-dev
pc zlib zlib1g-dev
pc libcrypto libssl-dev
pc libisal libisal-dev
pc libprotobuf-c libprotobuf-c-dev
pc libseccomp libseccomp-dev
LIST
    [ -n "$check" ] || cat <<LIST
command mpirun openmpi-bin
command prove perl
command objdump binutils
$clang
LIST
}

there() { # how, name
    case $1 in
    command) command -v "$2" ;;
    pc) pkg-config --exists "$2" ;;
    esac >/dev/null 2>&1
}

# One question for all libraries; one by one only if the answer is no.
missing() {
    all=
    # shellcheck disable=SC2046
    pkg-config --exists $(needs | awk '$1 == "pc" { print $2 }') 2>/dev/null &&
        all=yes
    needs | while read -r how name package; do
        [ -z "$how" ] || [ "$how$all" = pcyes ] || there "$how" "$name" ||
            printf ' %s' "$package"
    done
}

give_up() { # the packages
    line="apt-get install -y --no-install-recommends$1"
    [ "$(id -u)" = 0 ] || line="sudo $line"
    echo "packages are missing; type: $line" >&2
    exit 1
}

quietly() { # a command as root, whose output shows only if it fails
    log=$(mktemp) || exit 73
    $as_root DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1
    rc=$?
    [ "$rc" = 0 ] || tail -20 "$log" >&2
    rm -f "$log"
    return "$rc"
}

want=$(missing)
[ -z "$want" ] && exit 0
if ! command -v apt-get >/dev/null; then
    echo "packages are missing, by their Debian names:$want" >&2
    exit 1
elif [ "$(id -u)" = 0 ]; then
    as_root='env'
elif sudo -n true 2>/dev/null; then
    as_root='sudo -n env'
else
    give_up "$want"
fi
[ -z "$check" ] || give_up "$want"

echo "installing:$want"
# A foreign source may be out of reach while the distribution's own answers.
quietly apt-get update || echo "apt-get update failed, going on" >&2
# shellcheck disable=SC2086
quietly apt-get install -y --no-install-recommends $want || give_up "$want"
want=$(missing)
[ -z "$want" ] || give_up "$want"
