"""Listen to prices, slowly, and count what was missed."""

from lanline import ipc

heard = 0
with ipc.Subscription("shm:prices", int, max_bytes=4096) as prices:
    price = 0
    while price < 10_000:
        price, _ = prices.recv(timeout=30)
        heard += 1
    print(f"heard and missed make {heard + prices.missed}; the last was {price}")
