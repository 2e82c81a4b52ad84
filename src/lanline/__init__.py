"""Lanline: processes, people and machines on one line.

`lanline.ipc` is the library for processes; `lanline.client` speaks to a hub; the command
`lanline` starts everything else.
"""

__version__ = "0.1.0"
