"""Ours and everybody else's ways between processes, in one run; see __main__.py."""
