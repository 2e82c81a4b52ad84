"""`lanline talk`: two terminals, or two pipes, on one line."""
