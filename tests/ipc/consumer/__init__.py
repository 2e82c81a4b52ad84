"""A program of somebody else's, as a type checker sees it."""
