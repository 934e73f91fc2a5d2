#!/bin/sh
# Runs the emulator with Lambda's fixed paths in place, in mount and process namespaces of its own, so that the machine's
# /opt, /tmp and /var stay untouched and nothing outlives it. The directory holds opt, task and tmp; it gets var.
# usage: unshare --mount --pid --fork --kill-child sandbox.sh DIRECTORY RIE NODE PYTHON_PREFIX PACKAGES SHELL [RIE's options]
set -eu
directory=$1 rie=$2 node=$3 python=$4 packages=$5 shell=$6
shift 6

# The number that signals can be sent to from outside: /proc is still the outer one.
read -r pid rest </proc/self/stat
echo "pid $pid"

var=$directory/var
mkdir -p "$var/task" "$var/runtime" "$var/lang/bin" "$var/lang/python"
: >"$var/lang/bin/node"
: >"$var/rie"
# In Managed Instances mode the processes run as uid 993.
chmod -R a+rX "$directory"
chmod 1777 "$directory/tmp"
mount --bind "$directory/task" "$var/task"
mount --bind "$packages" "$var/runtime"
mount --bind "$node" "$var/lang/bin/node"
mount --bind "$python" "$var/lang/python"
mount --bind "$rie" "$var/rie"
mount --bind "$shell" "$(readlink -f /bin/sh)"
mount --bind "$directory/opt" /opt
mount --rbind "$var" /var
# last: the directory itself is often below it
mount --bind "$directory/tmp" /tmp
mount -t proc proc /proc
cd /
exec /var/rie "$@"
