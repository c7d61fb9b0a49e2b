#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs one job by processes that see each other over slow links only: each in a network namespace of its own, behind a
# bridge. Needs root, iproute2 and OpenMPI. Usage:
#     bench/slow_link.sh AWQ RANKS RATE FLAGS...
# AWQ is the driver built with -DAWQ_WITH_MPI=ON, RATE what each link carries each way (1gbit, as tc spells it), FLAGS
# those of `awq oneshot` but for its output. DELAY=1ms adds a delay where the kernel has netem. Prints the seconds and
# the bytes that each process sent, and whether the output is that of one process.
set -eu
awq=$(realpath "$1") ranks=$2 rate=$3; shift 3
work=$(mktemp -d)
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
kind=out; [[ " $* " == *" --type "* ]] && kind=out.gguf

clean() {
    for ((i = 0; i < ranks; ++i)); do ip netns del awq$i 2>/dev/null || true; done
    ip link del awq-bridge 2>/dev/null || true
    rm -rf "$work"
}
trap clean EXIT

ip link add awq-bridge type bridge
ip link set awq-bridge up
for ((i = 0; i < ranks; ++i)); do
    ip netns add awq$i
    ip link add awq-link$i type veth peer name eth0 netns awq$i
    ip link set awq-link$i master awq-bridge up
    ip -n awq$i address add 10.77.0.$((i + 1))/24 dev eth0
    ip -n awq$i link set eth0 up
    ip -n awq$i link set lo up
    for side in "awq-link$i" "eth0 netns"; do
        on=""; [ "$side" = "eth0 netns" ] && on="ip netns exec awq$i"
        $on tc qdisc add dev "${side% netns}" root handle 1: tbf rate "$rate" burst 256kb latency 20ms
        [ -z "${DELAY:-}" ] || $on tc qdisc add dev "${side% netns}" parent 1: netem delay "$DELAY"
    done
    echo "10.77.0.$((i + 1)) slots=1" >>"$work/hosts"
done
# Instead of ssh: the host's number is that of its namespace.
cat >"$work/agent" <<'AGENT'
#!/bin/bash
while [[ $1 != 10.77.0.* ]]; do shift; done
host=$1; shift
exec ip netns exec awq$((${host##*.} - 1)) bash -c "$*"
AGENT
chmod +x "$work/agent"

sent() { ip netns exec awq$1 cat /sys/class/net/eth0/statistics/tx_bytes 2>/dev/null ||
         ip -n awq$1 -s link show eth0 | awk '/TX:/ {getline; print $1}'; }
now() { date +%s.%N; }

begin=$(now)
"$awq" oneshot "$@" --output "$work/one-$kind" >/dev/null 2>"$work/err" || { tail -1 "$work/err"; exit 1; }
alone=$(echo "$(now) - $begin" | bc)
begin=$(now)
ip netns exec awq0 mpirun --hostfile "$work/hosts" -n "$ranks" --map-by node --mca plm_rsh_agent "$work/agent" \
    --mca btl tcp,self --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 \
    "$awq" oneshot "$@" --output "$work/all-$kind" >/dev/null 2>"$work/err" || { cat "$work/err"; exit 1; }
together=$(echo "$(now) - $begin" | bc)
same=no; diff -r "$work/one-$kind" "$work/all-$kind" >/dev/null && same=yes
printf '%s ranks over %s: %.1f s, alone %.1f s; same bytes: %s; sent' "$ranks" "$rate" "$together" "$alone" "$same"
for ((i = 0; i < ranks; ++i)); do printf ' %.1f' "$(echo "$(sent $i) / 1000000" | bc -l)"; done
echo " MB"
[ $same = yes ]
