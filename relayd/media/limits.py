"""What a child that opens a stranger's file may take, and what a recording may be."""

import resource
from typing import Final

import attrs

__all__ = ["MediaLimits"]

# A process of Python and libav takes 40 MiB resident and 400 MiB of address space; the decoders
# of video, which are never opened, would take more.
MEMORY_BYTES: Final = 1024**3

# libav reads packets at 15,000 times and decodes at 500 times real time or faster; so a second
# of processor time for each minute leaves a slow machine eight times as long.
CPU_SECONDS_LEAST: Final = 20
AUDIO_SECONDS_PER_CPU_SECOND: Final = 60

# 16 kHz · 2 bytes.
BYTES_PER_SECOND: Final = 32_000
# Headers of as many parts as there may be, and rounding.
OVERHEAD_BYTES: Final = 1024**2


@attrs.frozen
class MediaLimits:
    """How long a recording may be; the rest follows from it."""

    duration_seconds_max: int = 4 * 3600

    @property
    def cpu_seconds(self) -> int:
        """Processor time of the child."""
        return CPU_SECONDS_LEAST + self.duration_seconds_max // AUDIO_SECONDS_PER_CPU_SECOND

    def bind(self) -> None:
        """Bind this process for good. What it breaks is refused by libav, or ends the process."""
        file_bytes = self.duration_seconds_max * BYTES_PER_SECOND + OVERHEAD_BYTES
        for what, limit in (
            (resource.RLIMIT_AS, MEMORY_BYTES),
            (resource.RLIMIT_CPU, self.cpu_seconds),
            (resource.RLIMIT_FSIZE, file_bytes),
            (resource.RLIMIT_CORE, 0),
        ):
            # Whoever started us may allow less.
            _, hard = resource.getrlimit(what)
            bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(what, (bound, bound))
