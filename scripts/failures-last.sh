#!/usr/bin/env bash
# Runs a test command; where it fails, repeats at the end what failed. Of a log of thousands of
# lines the end is looked at first, and often only the end is kept.
# Example: scripts/failures-last.sh swift test
set -u
if [ $# -eq 0 ]; then
    echo "usage: scripts/failures-last.sh COMMAND [ARGUMENT...]" >&2
    exit 2
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
if [ "$status" -ne 0 ]; then
    echo
    echo "What failed (status $status), of all that is above:"
    # Swift Testing marks a failure with ✘ and what it adds to it with ↳; the compiler and a trap
    # say error. Where none of them is there, the end was reached without a word: say what ran last.
    grep -E '^(✘|↳)|(^|: )([Ff]atal )?error: ' "$log" | grep -vE '^↳ (Testing Library|Target)' ||
        tail -n 3 "$log"
fi
exit "$status"
