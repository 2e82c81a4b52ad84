"""Channels: the contract, and a file for each method that keeps it."""
