#!/bin/sh
# Carries out one share that lies in S3: fetches it, applies it, and puts it back, also where it isn't finished.
# SHARES is s3://bucket/prefix/, where `bulkprof shard --into` has put them. A job of an AWS Batch array finds its
# number in its environment; elsewhere, the number is the first argument, from 1 on.
set -u
number=${1:-$((${AWS_BATCH_JOB_ARRAY_INDEX:-0} + 1))}
share=$(printf 'share-%04d.db' "$number")
cd "$(mktemp -d)" || exit 1
aws s3 cp --only-show-errors "$SHARES$share" "$share" || exit 1

# A further attempt knows nothing of what the one before it has sent: `resume` waits until AWS shows it.
do=apply
[ "${AWS_BATCH_JOB_ATTEMPT:-1}" = 1 ] || do=resume
bulkprof "$do" "$share" --json --log-format json --deadline "${DEADLINE:-3h}" &
pid=$!
# A job that is to end, as on Spot capacity, lets bulkprof end what it has begun.
trap 'kill -TERM "$pid"' TERM INT
wait "$pid"
code=$?
# The signal ends the first wait, and not bulkprof.
while kill -0 "$pid" 2>/dev/null; do
    wait "$pid"
    code=$?
done

aws s3 cp --only-show-errors "$share" "$SHARES$share" || exit 1
exit "$code"
