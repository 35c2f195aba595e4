#!/bin/sh
# An OCI runtime that is crun, but for a command that it hangs in: --hang=COMMAND, then what crun takes.
hang=${1#--hang=}
shift
for word; do
  [ "$word" = "$hang" ] && exec sleep 4711
done
exec crun "$@"
