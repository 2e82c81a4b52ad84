"""HTTP: the page, the API, and the metrics."""
