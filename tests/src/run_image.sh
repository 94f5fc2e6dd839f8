# Starts a container as a kubelet and a container engine would, without either. Runs as the root of a mount namespace of its own.
# Usage: sh -euc "$this" sh ROOT ADDED UID:GID PROGRAM [ARGUMENT...]
root=$1
added=$2
user=$3
shift 3
umask 022
chmod -R a+rX "$added"
cp -R "$added/." "$root/"
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
# It is not in the PATH of each user.
chroot=$(PATH=$PATH:/usr/sbin:/sbin command -v chroot)
unset TMPDIR
read -r _ outside _ </proc/self/uid_map
if [ "$outside" = 0 ]; then
    exec setpriv --no-new-privs "$chroot" --userspec="$user" --groups= "$root" "$@"
fi
# The starting user is not root and has one user ID only. A second namespace maps it to the image's.
exec setpriv --no-new-privs unshare --user --map-user="${user%:*}" --map-group="${user#*:}" --root="$root" "$@"
