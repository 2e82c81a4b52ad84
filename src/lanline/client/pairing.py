"""Coming to know a hub by its join code: the device's side of wire.pairing.

Only the exchange is spoken on this connection. When both sides have proven that they know the
code, the hub's key is known, and the hub has given an invite for this device.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from websockets.exceptions import ConnectionClosed

from lanline.client.dial import dial_unknown
from lanline.errors import ConnectionLostError, IdentityError, ProtocolError, RefusedError
from lanline.wire import codec
from lanline.wire import messages as m
from lanline.wire.pairing import Pairing, device_side

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from lanline.wire.addresses import HubAddress

T = TypeVar("T", bound=m.Event)

PAIRING_SECONDS = 15.0


async def meet(address: HubAddress) -> None:
    """See that a hub answers, before a person is asked for its code. Raises ConnectionLostError."""
    connection, _ = await dial_unknown(address)
    connection.transport.abort()


async def pair(address: HubAddress, code: str) -> HubAddress:
    """Prove the join code, and return the address with the hub's key and an invite.

    Raises RefusedError when the code is wrong or there were too many tries, IdentityError when the
    hub cannot prove that it knows the code, and ConnectionLostError.
    """
    connection, key = await dial_unknown(address)
    try:
        async with asyncio.timeout(PAIRING_SECONDS):
            invite = await _exchange(connection, device_side(code, key))
    except TimeoutError:
        raise ConnectionLostError(
            f"The hub at {address} did not answer within {PAIRING_SECONDS:.0f} seconds."
        ) from None
    except ConnectionClosed:
        raise ConnectionLostError(f"The hub at {address} closed the connection.") from None
    finally:
        connection.transport.abort()
    return replace(address, token=invite, key=key)


async def _exchange(connection: ClientConnection, pairing: Pairing) -> str:
    answer = await _ask(connection, m.PairStart(id=1, element=pairing.element), m.PairAnswer)
    try:
        pairing.finish_untrusted(answer.element)
        paired = await _ask(connection, m.PairConfirm(id=2, proof=pairing.proof()), m.Paired)
        proven = pairing.is_proven_untrusted(paired.proof)
    except ProtocolError:
        proven = False
    if not proven:
        raise IdentityError(
            "What answers there could not prove that it is the hub; do not trust it."
        )
    return paired.invite


async def _ask(connection: ClientConnection, command: m.Command, kind: type[T]) -> T:
    await connection.send(codec.encode(command), text=True)
    event = codec.decode_event_untrusted(await connection.recv())
    if isinstance(event, m.Problem):
        raise RefusedError(event.code, event.message)
    if not isinstance(event, kind):
        raise ProtocolError("The hub answered something else.")
    return event
