#!/usr/bin/env bash
# Installs the Debian packages that are missing: those the build needs, or those named as arguments.
set -eu

packages=("$@")
if [ ${#packages[@]} -eq 0 ]; then
    packages=(libssl-dev zlib1g-dev libsqlite3-dev pkg-config)
    if ! command -v swift >/dev/null; then
        echo "Swift 6.2 or later is needed; see https://www.swift.org/install" >&2
        exit 1
    fi
fi

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo "missing: ${missing[*]}. As root, run: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo -n)
fi
if ! command -v apt-get >/dev/null; then
    echo "missing: ${missing[*]}, and there is no apt-get here; install their equivalents" >&2
    exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
