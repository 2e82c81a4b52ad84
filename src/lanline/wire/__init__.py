"""Bytes to typed messages and back: what hub and clients share."""
