"""Coming in to do one thing, when nobody is there to be asked for another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lanline.client.states import State
from lanline.errors import RefusedError

if TYPE_CHECKING:
    from lanline.client.aio import HubClient

TRIES = 3


async def welcomed_by_any_name(client: HubClient) -> None:
    """Where our name is taken, take the free one that the hub suggests, a few times.

    `client` was made with `once` and `asks_name`, and is started. Raises what ends the client, and
    RefusedError when no name would do.
    """
    for tries in range(TRIES + 1):
        await client.answered()
        if client.state is State.HERE:
            return
        refusal = client.name_refusal
        if refusal is None or not refusal.suggestion or tries == TRIES:
            code, reason = (refusal.code, refusal.reason) if refusal else ("bad-name", "No name.")
            raise RefusedError(code, reason)
        client.rename(refusal.suggestion)
