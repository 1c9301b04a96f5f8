#!/usr/bin/env bash
# Runs a command as a container runtime does, on the network that it is called in:
#
#   container.sh PROGRAM KERNEL [--privileged] [--read-only] [--no-new-privileges] [--capability NAME]… [--mount FROM TO ro|rw]… -- COMMAND…
#
# In namespaces of its own for mounts and processes, in which it is the first; with the machine's libraries and programs, which it cannot
# write to, and PROGRAM as one of them; with a root of its own beside that; with those capabilities, or all if it is privileged. KERNEL is
# a folder with the files that stand for the kernel's settings of the whole machine, so that tests leave these as they are.
set -euo pipefail

if [[ ${1:-} != --inside ]]; then exec unshare --mount --pid --fork --kill-child "$0" --inside "$@"; fi
program=$2 kernel=$3
shift 3
privileged='' read_only='' capabilities='' mounts=() privileges=()
while [[ $1 != -- ]]; do
    case $1 in
        --privileged) privileged=1 ;;
        --read-only) read_only=1 ;;
        --no-new-privileges) privileges=(--no-new-privs) ;;
        --capability) capabilities+=,+${2,,} && shift ;;
        --mount) mounts+=("$2" "$3" "$4") && shift 3 ;;
        *) echo "container.sh: $1" >&2 && exit 64 ;;
    esac
    shift
done
shift

root=/mnt
mount -t tmpfs tmpfs "$root"
attach() { # attach FROM TO ro|rw
    if [[ -d $1 ]]; then mkdir -p "$root$2"; else mkdir -p "$(dirname "$root$2")" && : > "$root$2"; fi
    mount --bind "$1" "$root$2"
    [[ $3 != ro ]] || mount -o remount,bind,ro "$root$2"
}
attach /usr /usr ro
# Links into /usr, but for machines on which they are folders.
for folder in /bin /sbin /lib /lib64; do
    if [[ -L $folder ]]; then cp -P "$folder" "$root"; elif [[ -d $folder ]]; then attach "$folder" "$folder" ro; fi
done
mkdir "$root"/{etc,dev,proc,sys,image,tmp}
for file in alternatives ld.so.cache nsswitch.conf passwd group protocols services; do
    if [[ -e /etc/$file ]]; then cp -a "/etc/$file" "$root/etc"; fi
done
for device in null zero random urandom; do attach "/dev/$device" "/dev/$device" rw; done
attach "$program" /image/portico ro
# A program in debug mode is linked to Swift's libraries, wherever those are.
while IFS= read -r folder; do attach "$folder" "$folder" ro; done < <(
    ldd "$program" | sed -n 's/.*=> \(\/.*\)\/[^/]* (.*/\1/p' | grep -vE '^/(usr/)?lib' | sort -u
)

mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
access=ro
[[ -z $privileged ]] || access=rw
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,$access "$root/proc/sys"
mount -o remount,bind,$access "$root/sys"
for file in "$kernel"/*; do
    place=$root/proc/sys/net/netfilter/$(basename "$file")
    [[ $file != */hashsize ]] || place=$root/sys/module/nf_conntrack/parameters/hashsize
    mount --bind "$file" "$place"
    mount -o remount,bind,$access "$place"
done

for ((index = 0; index < ${#mounts[@]}; index += 3)); do attach "${mounts[@]:index:3}"; done
# What the kubelet gives containers of critical pods; where this machine does not let root do that, a file that says so.
if ! (echo -997 > /proc/self/oom_score_adj) 2> /dev/null; then
    echo -997 > "$root/tmp/oom_score_adj"
    mount --bind "$root/tmp/oom_score_adj" "$root/proc/1/oom_score_adj"
fi
[[ -z $read_only ]] || mount -o remount,ro "$root"

export PATH=/image:/usr/sbin:/usr/bin:/sbin:/bin
[[ -n $privileged ]] || privileges+=(--bounding-set "-all$capabilities")
exec chroot "$root" setpriv "${privileges[@]}" --inh-caps=-all "$@"
