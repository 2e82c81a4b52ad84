"""Public checks of Lanline's contracts, to run over implementations of your own."""

from lanline.testing.channels import check_channel

__all__ = ["check_channel"]
