"""The kernel's queues and named pipes as they are, for users that know nothing of Lanline."""
