# Runs one program and outlives nobody. Usage: sh -c "$this" NAME FOLDER PROGRAM [ARGUMENT...]
#
# stdin   the lifeline: a pipe whose other end the starting process holds and never writes to. It closes when
#         that process ends, however it ends, or lets go. Then the program is killed and FOLDER removed.
# stdout  two lines: the program's process id, and its exit code once it has ended by itself.
# stderr  the program's log.
folder=$1
shift
exec 3<&0 </dev/null
# In KiB. It holds for this shell as well, which needs next to nothing.
[ -z "$TEST_KIT_MEMORY_LIMIT" ] || ulimit -d "$TEST_KIT_MEMORY_LIMIT" || exit
"$@" 3<&- >&2 &
program=$!
exec 2>/dev/null
# Whoever reads stdout may be dead, and whoever ends everything means the owner: then there is still work here.
trap '' HUP INT PIPE TERM
echo "$program"
{ read -r _ <&3; kill -KILL "$program"; } >/dev/null &
watch=$!
wait "$program"
code=$?
# From here on the program's process id may belong to somebody else.
kill -KILL "$watch"
echo "$code"
read -r _ <&3
rm -rf -- "$folder"
# What the program started and left behind: this shell leads a process group of its own.
kill -KILL 0
