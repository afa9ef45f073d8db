"""The most memory that this process held since it was last asked to forget it."""

import re
import resource
import sys
from pathlib import Path

_SELF = Path("/proc/self")


def forget_peak() -> int:
    """Counts from now, and returns what is held now, in bytes. Elsewhere than on Linux nothing is forgotten."""
    if _SELF.exists():
        (_SELF / "clear_refs").write_text("5")
    return peak_bytes()


def peak_bytes() -> int:
    """In bytes. A process's own `ru_maxrss` begins with that of whoever started it, and never falls."""
    if _SELF.exists():
        peak = re.search(r"VmHWM:\s+(\d+) kB", (_SELF / "status").read_text())
        assert peak is not None
        return 1024 * int(peak[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
