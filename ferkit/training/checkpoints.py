"""A fit's state on disk after each epoch, so that it can go on where it was stopped."""

import hashlib
import json
import os
import re
from threading import get_ident

from filelock import FileLock, Timeout

from .. import persistence
from .._messages import warn_user
from .._paths import as_path
from .distributed import rank_and_size

_N_KEPT = 2  # the one before the last serves if a disk has damaged the last
_NAME = "epoch-{:05d}.safetensors"
# nobody can read the difference between digests
_DIGESTED = {"X", "y", "X_val", "y_val", "groups", "soft_targets", "teacher", "weights"}
_PATTERN = re.compile(r"epoch-\d{5,}\.safetensors")
_HELD: set[tuple] = set()  # locked folders and the threads that did it: none can wait for itself


class Checkpoints:
    """The checkpoints of one fit, in a folder of their own that is locked while it runs.

    `root` is where the folders of fits are made, named by what identifies them; or such a folder
    itself. "~" is the home folder. `identity` is what the fit's result depends on, as JSON can hold
    it. `last` has the tensors and the header of the last checkpoint that was there, or is None.

    Raises an OSError if the folder cannot be made, or has no checkpoints and cannot be written to,
    and a ValueError if `root` is the folder of another fit. If the same fit is writing to the
    folder elsewhere, it is waited for, with a warning; but a fit that runs in several processes, or
    is a part of the other, cannot wait, and gets a RuntimeError. Warns if the last checkpoint is
    damaged, and takes an older one.
    """

    def __init__(self, root, identity):
        self.identity = identity
        self._refusal = None
        root = as_path(root)
        if self._is_of_a_fit(root):
            self.folder = root
        else:
            text = json.dumps(identity, sort_keys=True)
            self.folder = root / hashlib.sha256(text.encode()).hexdigest()[:16]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.folder / "lock")
            self._lock_or_wait()
            for path in self.folder.glob(".epoch-*"):  # left by a process that was killed
                path.unlink()
        except OSError as error:
            self._refusal = self._explain(error)
            if not self._is_of_a_fit(self.folder):
                raise self._refusal from error
        try:
            self.last = self._read_last()
        except BaseException:
            self.close()
            raise

    def _lock_or_wait(self):
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            what = f"got checkpoint folder {self.folder}, which the same fit is writing to"
            # other processes would give up on the one that waits
            if rank_and_size()[1] > 1 or (self.folder, get_ident()) in _HELD:
                raise RuntimeError(
                    f"{what}, expected one fit at a time; wait for the other, or choose another "
                    "checkpoint_dir"
                ) from None
            # such as a candidate of a search that differs in `tta` only
            warn_user(f"{what} elsewhere; this one waits for it, and goes on from what it leaves")
            self._lock.acquire()
        _HELD.add((self.folder, get_ident()))

    @staticmethod
    def _is_of_a_fit(folder):
        return folder.is_dir() and any(map(_PATTERN.fullmatch, os.listdir(folder)))

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def close(self):
        """Let other fits use the folder."""
        _HELD.discard((self.folder, get_ident()))
        self._lock.release()

    def check_writable(self):
        """Raise the OSError, if there was one, for which the folder can only be read."""
        if self._refusal is not None:
            raise self._refusal

    def _read_last(self):
        for path in self._paths()[::-1]:
            try:
                tensors, header = _read(path)
            except ValueError as error:
                self.check_writable()
                path.replace(path.with_suffix(".damaged"))  # else it would count among the newest
                warn_user(
                    f"{error}; it is put aside, and training goes on from an older one or anew"
                )
                continue
            self._check_identity(path, header.pop("identity"))
            return tensors, header | {"path": str(path)}
        return None

    def save(self, epoch, tensors, header):
        """Write a checkpoint, whole or not at all, and remove those that are no longer needed.

        `header` is what JSON can hold of the state. Raises an OSError if it cannot be written; the
        one before is still there.
        """
        try:
            persistence.write(
                self.folder / _NAME.format(epoch), tensors, header | {"identity": self.identity}
            )
            for path in self._paths()[:-_N_KEPT]:
                path.unlink()
        except OSError as error:
            raise self._explain(error) from error

    def _paths(self):
        return sorted(path for path in self.folder.iterdir() if _PATTERN.fullmatch(path.name))

    def _explain(self, error):
        return OSError(
            error.errno,
            f"got {error.strerror or str(error)!r} for the checkpoint folder {self.folder}, "
            "expected a folder with room that may be written to; choose another checkpoint_dir, or "
            "make room; what was written before is kept",
        )

    def _check_identity(self, path, identity):
        if identity == self.identity:
            return
        names = [name for name in self.identity if identity.get(name) != self.identity[name]]
        differences = ", ".join(
            f"another {name}"
            if name in _DIGESTED
            else f"{name}={identity.get(name)!r:.80} instead of {self.identity[name]!r}"
            for name in names
        )
        raise ValueError(
            f"got checkpoint {path} of another fit ({differences}), expected one of this fit; "
            "choose another checkpoint_dir, or the parameters and data it was made with"
        )


def _read(path):
    tensors, header = persistence.read(path)
    kinds = {"identity": dict, "seed": int, "network": str, "history": list, "n_steps": int}
    faults = [name for name, kind in kinds.items() if type(header.get(name)) is not kind]
    if not persistence.is_history(header.get("history")):
        faults.append("history")
    faults += [name for name in ("seed", "n_steps") if name not in faults and header[name] < 0]
    faults += [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if faults:
        raise ValueError(
            f"got {path} without a good {faults[0]:.80}, expected a checkpoint; it is another file "
            "or damaged"
        )
    return tensors, header
