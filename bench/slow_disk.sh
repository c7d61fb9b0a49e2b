#!/bin/bash
# SPDX-License-Identifier: MIT
# How much of the writing a run hides behind its computing, on a disk that takes so many MB a second: a small library,
# loaded before the others, lets each write take the time that such a disk would. Usage:
#     bench/slow_disk.sh AWQ MB_A_SECOND FLAGS...
# FLAGS are those of `awq oneshot` but for its output. Prints the seconds of the run as it is, of the disk alone, of
# both together, and how long the run itself stood at writing. Needs a C compiler and python3.
set -eu
awq=$(realpath "$1") rate=$2; shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kind=out; [[ " $* " == *" --type "* ]] && kind=out.gguf
cat >"$work/slow.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER; /* one write at a time */
ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t at)
{
    static ssize_t (*real)(int, const void*, size_t, off64_t);
    if (!real) real = (ssize_t(*)(int, const void*, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    const char* rate = getenv("SLOW_DISK"); /* bytes a second */
    if (rate) {
        const double seconds = (double)count / atof(rate);
        struct timespec wait = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
        pthread_mutex_lock(&disk);
        nanosleep(&wait, NULL);
        pthread_mutex_unlock(&disk);
    }
    return real(file, bytes, count, at);
}
ssize_t pwrite(int file, const void* bytes, size_t count, off_t at) { return pwrite64(file, bytes, count, at); }
C
${CC:-cc} -O1 -shared -fPIC -o "$work/slow.so" "$work/slow.c" -ldl -lpthread
seconds() { # REPORT STEP
    python3 -c 'import json, sys; print(round(json.load(open(sys.argv[1]))["seconds"].get(sys.argv[2], 0), 1))' "$1" "$2"
}
"$awq" oneshot "$@" --output "$work/fast-$kind" --report "$work/fast.json" >/dev/null 2>&1
SLOW_DISK=$((rate * 1000000)) LD_PRELOAD="$work/slow.so" "$awq" oneshot "$@" --output "$work/slow-$kind" \
    --report "$work/slow.json" >/dev/null 2>&1
diff -r "$work/fast-$kind" "$work/slow-$kind" >/dev/null || { echo "the outputs differ"; exit 1; }
bytes=$(du -sb "$work/fast-$kind" | cut -f1)
echo "as it is $(seconds "$work/fast.json" total) s; $((bytes / 1000000)) MB at $rate MB/s alone $((bytes / 1000000 / rate)) s;" \
    "together $(seconds "$work/slow.json" total) s, of which it stood at writing $(seconds "$work/slow.json" write) s" \
    "and at the journal $(seconds "$work/slow.json" journal) s"
