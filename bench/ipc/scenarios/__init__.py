"""What is measured: one file a scenario, each with `measure(peer, ...)`, run by worker.py."""
