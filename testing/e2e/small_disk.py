"""A small disk of its own for a test: filled, freed, made read-only.

Mounting takes root. The mounts are made in a mount namespace of this process's own where the
system allows it, so that nothing is left behind even when the tests are killed.
"""

import contextlib
import ctypes
import os
import subprocess

CLONE_NEWNS = 0x20000


def run(*words):
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True)


def why_no_mounts():
    """Why nothing can be mounted here; None where it can."""
    if os.geteuid() != 0:
        return "mounting a small disk takes root"
    library = ctypes.CDLL(None, use_errno=True)
    with contextlib.suppress(subprocess.CalledProcessError):
        if library.unshare(CLONE_NEWNS) == 0:
            run("mount", "--make-rprivate", "/")
            return None
    return "this system does not allow mounts, not even to root"


class SmallDisk:
    """A tmpfs of so many MiB, mounted over `folder`."""

    def __init__(self, folder, mib):
        self.folder = folder
        folder.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={mib}m", "svc-index-e2e", folder)

    def unmount(self):
        run("umount", "--lazy", self.folder)

    def fill(self, leaving=0):
        """Takes all room but `leaving` bytes."""
        status = os.statvfs(self.folder)
        rest = status.f_bavail * status.f_frsize - leaving
        with open(self.folder / "ballast", "ab") as ballast, contextlib.suppress(OSError):
            while rest > 0:
                rest -= os.write(ballast.fileno(), bytes(min(rest, 1 << 20)))

    def free(self):
        (self.folder / "ballast").unlink()


@contextlib.contextmanager
def read_only(folder):
    """A disk with files open for writing stays writable, so a mount covers the directory."""
    run("mount", "--bind", folder, folder)
    try:
        run("mount", "-o", "remount,bind,ro", folder)
        yield
    finally:
        run("umount", "--lazy", folder)
