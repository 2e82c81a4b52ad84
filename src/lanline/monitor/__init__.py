"""Machines: what their figures mean. Pure, but for `sampling`, which reads the machine."""
