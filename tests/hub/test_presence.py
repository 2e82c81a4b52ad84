"""A device may be here more than once; a connection takes another's place only when it says so."""

from __future__ import annotations

from lanline.hub.effects import Close, Send
from lanline.hub.gate import OpenGate, Visitor
from lanline.hub.hub import Hub, HubState, Identity
from lanline.hub.limits import Limits
from lanline.wire import messages as m

NEAR = Visitor("127.0.0.1", True, False, "websocket")


def make_hub() -> Hub:
    return Hub(
        Identity("Studio", "h"), HubState(rooms=[], keys=[], machines=[]), OpenGate(), Limits()
    )


def come(hub: Hub, number: int, **hello: str) -> m.Welcome | m.Problem:
    hub.connected(number, NEAR, 0.0)
    effects = hub.handle(number, m.Hello(**hello), 0.0)  # type: ignore[arg-type]
    for effect in effects:
        if isinstance(effect, Send) and effect.connection == number:
            assert isinstance(effect.event, m.Welcome | m.Problem)
            return effect.event
    raise AssertionError(effects)


def test_the_same_device_may_be_here_twice_under_two_names() -> None:
    hub = make_hub()
    first = come(hub, 1, name="Ada")
    assert isinstance(first, m.Welcome)
    second = come(hub, 2, name="build", session=first.session)
    assert isinstance(second, m.Welcome)
    assert first.member.id != second.member.id
    assert hub.connections.members == 2


def test_the_same_device_cannot_take_its_own_name_twice_by_accident() -> None:
    hub = make_hub()
    first = come(hub, 1, name="Ada")
    assert isinstance(first, m.Welcome)
    second = come(hub, 2, name="Ada", session=first.session)
    assert isinstance(second, m.Problem)
    assert second.code == "name-taken"


def test_coming_back_takes_the_place_of_the_dead_connection() -> None:
    hub = make_hub()
    first = come(hub, 1, name="Ada")
    assert isinstance(first, m.Welcome)
    hub.connected(2, NEAR, 1.0)
    hello = m.Hello(name="Ada", session=first.session, member=first.member.id)
    effects = hub.handle(2, hello, 1.0)
    assert Close(1, "replaced") in effects
    assert hub.connections.members == 1


def test_nobody_takes_the_place_of_another_device() -> None:
    hub = make_hub()
    first = come(hub, 1, name="Ada")
    assert isinstance(first, m.Welcome)
    impostor = come(hub, 2, name="Eve", member=first.member.id)
    assert isinstance(impostor, m.Welcome)
    assert impostor.member.id != first.member.id
    assert hub.connections.get(1) is not None
