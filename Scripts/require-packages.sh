#!/usr/bin/env bash
# Sees to the system packages that a task needs: require-packages.sh build|test|lab|deb|deploy|metrics …
#
# What is missing is installed with apt-get: at once for root, with sudo after showing the command for everybody else.
# Where neither is possible it says what is missing and stops.
set -euo pipefail

# Whether a thing is there is asked of the thing itself, so that this works where it was not installed by dpkg.
has_program() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" > /dev/null; }
has_libuv() {
    [[ -e /usr/include/uv.h || -e /usr/local/include/uv.h ]] ||
        { has_program pkg-config && pkg-config --exists libuv; }
}
has_libyaml() {
    [[ -e /usr/include/yaml.h || -e /usr/local/include/yaml.h ]] ||
        { has_program pkg-config && pkg-config --exists yaml-0.1; }
}
has_zlib() {
    [[ -e /usr/include/zlib.h || -e /usr/local/include/zlib.h ]] ||
        { has_program pkg-config && pkg-config --exists zlib; }
}

has_pip() { python3 -m pip --version > /dev/null 2>&1; }

missing=()
need() { # need PACKAGE CHECK…
    local package=$1
    shift
    "$@" || missing+=("$package")
}

for purpose in "$@"; do
    case $purpose in
        build)
            need libuv1-dev has_libuv
            need libyaml-dev has_libyaml
            need zlib1g-dev has_zlib
            need binutils has_program strip
            ;;
        test)
            # To run some tests as an ordinary user.
            need util-linux has_program setpriv
            # To ask the DNS server as others do.
            need bind9-dnsutils has_program dig
            # For a real firewall in a network namespace.
            need iptables has_program iptables
            need iproute2 has_program ip
            # For the rules of kube-proxy's nftables mode.
            need nftables has_program nft
            # For the certificates of an API server, and answers that are packed.
            need openssl has_program openssl
            need gzip has_program gzip
            # To see that tests play an API server as kubectl knows it.
            need kubernetes-client has_program kubectl
            need curl has_program curl
            # To look at the dashboard as people do.
            need chromium has_program chromium
            need chromium-driver has_program chromedriver
            ;;
        lab)
            need iproute2 has_program ip
            need iptables has_program iptables
            need curl has_program curl
            need bind9-dnsutils has_program dig
            ;;
        deb)
            need dpkg-dev has_program dpkg-shlibdeps
            need lintian has_program lintian
            ;;
        deploy)
            need python3-pip has_pip
            need systemd has_program systemd-analyze
            ;;
        metrics)
            need python3-pip has_pip
            need curl has_program curl
            need iproute2 has_program ip
            need util-linux has_program unshare
            ;;
        *)
            echo "portico: require-packages.sh: unknown purpose '$purpose'" >&2
            exit 64
            ;;
    esac
done

((${#missing[@]} > 0)) || exit 0

install=(apt-get install -y --no-install-recommends "${missing[@]}")

if ! has_program apt-get; then
    echo "portico: missing: ${missing[*]} (the names are Debian's). There is no apt-get here, please install them." >&2
    exit 1
fi

if ((EUID == 0)); then
    as_root=()
elif has_program sudo; then
    as_root=(sudo)
else
    echo "portico: missing: ${missing[*]}. Not root, and no sudo; please have somebody run: ${install[*]}" >&2
    exit 1
fi

echo "portico: missing: ${missing[*]}. Running: ${as_root[*]+${as_root[*]} }${install[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
# The lists of a fresh machine are empty, so they are fetched when the first try fails, and only then.
"${as_root[@]}" "${install[@]}" || { "${as_root[@]}" apt-get update && "${as_root[@]}" "${install[@]}"; }
