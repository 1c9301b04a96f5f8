#!/usr/bin/env bash
# Runs a command as whoever called sudo, or as it is without sudo: as-caller.sh COMMAND [ARGUMENT …]
#
# What root has built an ordinary user can neither build further nor remove, so `sudo make lab` builds as the caller.
set -euo pipefail

user=${SUDO_USER:-root}
((EUID == 0)) && [[ $user != root ]] || exec "$@"

home=$(getent passwd "$user" | cut -d: -f6)
as_user=(runuser -u "$user" -- env HOME="$home" USER="$user" LOGNAME="$user")
# sudo has a PATH of its own. Where the command is not on it, it is looked for as when the caller logs in.
if command -v "$1" > /dev/null; then exec "${as_user[@]}" "$@"; fi
exec "${as_user[@]}" bash -lc 'exec "$@"' bash "$@"
