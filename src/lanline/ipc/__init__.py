"""Inter-process communication: six methods, one way of using them."""
