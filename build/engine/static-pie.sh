#!/bin/sh
# Links for Rust. For some machines (aarch64 with glibc) rustc does not know that a static executable can be
# position-independent, too, and asks for one at a fixed address: same objects, another start-up file.
for argument; do
  shift
  case $argument in
    -static | -no-pie) set -- "$@" -static-pie ;;
    *) set -- "$@" "$argument" ;;
  esac
done
exec "$O2_LINKER" "$@"
