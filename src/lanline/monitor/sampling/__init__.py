"""Reading this machine: psutil, and /proc itself where that was measured to matter."""

from lanline.monitor.sampling.sampler import Sampler

__all__ = ["Sampler"]
