"""`lanline watch`: all machines on one screen, each on a page of its own."""
