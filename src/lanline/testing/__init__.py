"""Public checks of Lanline's contracts, to run over implementations of your own."""

from lanline.testing.async_channels import check_async_channel
from lanline.testing.async_ends import check_async_ends
from lanline.testing.channels import check_channel
from lanline.testing.ends import check_ends
from lanline.testing.queues import check_queue

__all__ = [
    "check_async_channel",
    "check_async_ends",
    "check_channel",
    "check_ends",
    "check_queue",
]
