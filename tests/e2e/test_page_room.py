"""The page's rooms, in a real browser at a real hub."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable

from playwright.sync_api import expect
from tests.e2e.browser import Person, needs_browser
from tests.hub_process import HubProcess

pytestmark = needs_browser

People = Callable[..., Person]


def test_two_browsers_and_netcat_talk_in_one_room(people: People, hub: HubProcess) -> None:
    ada, grace = people().enter("Ada"), people().enter("Grace")
    with socket.create_connection(("127.0.0.1", hub.port), timeout=10) as netcat:
        lines = netcat.makefile("rw", encoding="utf-8", newline="\n")
        lines.write("Linus\n")
        lines.flush()
        expect(ada.page.locator(".people")).to_contain_text("Linus")
        ada.say("hello from a browser")
        grace.say("and from another")
        grace.hears("hello from a browser")
        ada.hears("and from another")
        heard = ""
        while "Grace: and from another" not in heard:
            heard += lines.readline()
        assert "Ada: hello from a browser" in heard
        lines.write("hello from netcat\n")
        lines.flush()
        ada.hears("hello from netcat")
        grace.hears("hello from netcat")
        lines.write("quit\n")
        lines.flush()
        lines.close()
    expect(ada.page.locator(".people")).not_to_contain_text("Linus")
    assert ada.texts() == grace.texts()
    expect(ada.message("hello from a browser")).to_have_class(re.compile(r"\bmine\b"))
    expect(grace.message("hello from a browser")).not_to_have_class(re.compile(r"\bmine\b"))


def say_by_netcat(hub: HubProcess, name: str, lines: list[str]) -> None:
    with socket.create_connection(("127.0.0.1", hub.port), timeout=10) as netcat:
        netcat.sendall("".join(f"{line}\n" for line in (name, *lines, "quit")).encode())
        while netcat.recv(65_536):
            pass


def test_a_taken_name_is_refused_with_one_that_is_free(people: People) -> None:
    people().enter("Ada")
    second = people()
    second.go()
    second.page.get_by_label("Your name").fill("Ada")
    second.page.keyboard.press("Enter")
    expect(second.page.get_by_role("alert")).to_contain_text("Ada")
    second.page.get_by_role("button", name="Come in as").click()
    second.entry.wait_for()


def test_what_is_said_is_text_and_only_web_addresses_are_links(people: People) -> None:
    ada, grace = people().enter("Ada"), people().enter("Grace")
    ada.say("<img src=x onerror=alert(1)> javascript:alert(2) https://example.org/a_(b).")
    grace.hears("<img src=x onerror=alert(1)> javascript:alert(2) https://example.org/a_(b).")
    links = grace.message("onerror").locator("a")
    expect(links).to_have_count(1)
    expect(links).to_have_attribute("href", "https://example.org/a_(b)")
    expect(links).to_have_attribute("rel", re.compile("noopener"))
    assert grace.page.locator(".messages img").count() == 0


def test_a_hub_that_restarts_is_found_again_with_nothing_lost_or_doubled(
    people: People, hub: HubProcess
) -> None:
    ada, grace = people().enter("Ada"), people().enter("Grace")
    ada.say("before")
    grace.hears("before")
    hub.kill()
    expect(ada.page.locator(".banner.offline")).to_be_visible()
    ada.say("while away 1")
    ada.say("while away 2")
    expect(ada.page.locator("li.pending")).to_have_count(2)
    hub.start()
    grace.hears("while away 1", "while away 2")
    expect(ada.page.locator("li.pending")).to_have_count(0)
    expect(ada.page.locator(".banner.offline")).to_be_hidden()
    ada.say("after")
    grace.hears("after")
    ada.hears("after")
    assert ada.texts() == grace.texts() == ["before", "while away 1", "while away 2", "after"]


def test_however_often_the_hub_is_killed_both_hold_the_same_once(
    people: People, hub: HubProcess
) -> None:
    ada, grace = people().enter("Ada"), people().enter("Grace")
    said = []
    for kill in range(4):
        for number in range(6):
            for person, initial in ((ada, "a"), (grace, "g")):
                said.append(f"{initial}-{kill}-{number}")
                person.say(said[-1])
        hub.kill()
        hub.start()
    for person in (ada, grace):
        person.hears(*said)
        expect(person.page.locator("li.pending")).to_have_count(0)
    assert ada.texts() == grace.texts()
    assert sorted(ada.texts()) == sorted(said)


def test_a_frozen_hub_takes_nothing_with_it(people: People, hub: HubProcess) -> None:
    ada, grace = people().enter("Ada"), people().enter("Grace")
    hub.freeze()
    ada.say("into the silence")
    expect(ada.page.locator("li.pending")).to_have_count(1)
    hub.kill()
    hub.start()
    grace.hears("into the silence")
    ada.hears("into the silence")
    expect(ada.message("into the silence")).to_have_count(1)


def test_quit_leaves_and_one_can_come_back(people: People) -> None:
    ada, grace = people().enter("Ada"), people().enter("Grace")
    ada.say("quit")
    back = ada.page.get_by_role("button", name="Come back")
    back.wait_for()
    expect(grace.page.locator(".people")).not_to_contain_text("Ada")
    expect(grace.page.locator(".notice").last).to_contain_text("Ada left")
    back.click()
    ada.say("here again")
    grace.hears("here again")


def test_a_second_tab_takes_over_and_can_be_taken_back(people: People) -> None:
    ada = people().enter("Ada")
    second = ada.open()
    second.goto(f"http://{ada.address}/")
    second.get_by_label("Message to #lobby").wait_for()
    use_here = ada.page.get_by_role("button", name="Use it here")
    use_here.click()
    ada.entry.wait_for()
    second.get_by_role("button", name="Use it here").wait_for()


def test_history_pages_in_above_without_moving_what_is_read(
    people: People, hub: HubProcess
) -> None:
    lines = [f"line {number}" for number in range(180)]
    say_by_netcat(hub, "Linus", lines)
    ada = people().enter("Ada")
    late = people(viewport={"width": 360, "height": 740}).enter("Late")
    late.hears("line 179")
    assert "line 0" not in late.texts(), "only the latest page is fetched on arrival"
    scroller = late.page.locator(".scroller")
    seen = "line 138"
    late.message(seen).scroll_into_view_if_needed()
    place = late.message(seen).bounding_box()
    assert place
    scroller.evaluate("element => element.scrollBy(0, -1)")
    expect(late.page.locator("li.message").nth(60)).to_be_attached()
    moved = late.message(seen).bounding_box()
    assert moved
    assert abs(moved["y"] - place["y"]) < 5
    ada.say("something new")
    jump = late.page.get_by_role("button", name="1 new message")
    jump.wait_for()
    after = late.message(seen).bounding_box()
    assert after
    assert abs(after["y"] - moved["y"]) < 2, "the reader's place is kept"
    jump.click()
    expect(late.message("something new")).to_be_in_viewport()
    for oldest in ("line 31", "line 0"):
        scroller.evaluate("element => { element.scrollTop = 0 }")
        expect(
            late.page.locator("li.message .text", has_text=re.compile(f"^{oldest}$"))
        ).to_be_attached()
    late.page.get_by_text("This is where #lobby begins.").wait_for()
    assert late.texts() == [*lines, "something new"]


def test_rooms_are_opened_counted_while_away_and_remembered(people: People) -> None:
    ada, grace = people().enter("Ada"), people().enter("Grace")
    for person in (ada, grace):
        person.page.get_by_role("button", name="Join or open a room").click()
        person.page.get_by_role("textbox", name=re.compile("^Name")).fill("Workshop")
        person.page.keyboard.press("Enter")
        person.page.get_by_label("Message to #workshop").wait_for()
    grace.page.get_by_role("link", name=re.compile("lobby")).click()
    grace.page.get_by_label("Message to #lobby").wait_for()
    ada.say("one")
    ada.say("two")
    expect(grace.page.locator(".badge:visible")).to_have_text("2")
    expect(grace.page).to_have_title(re.compile(r"^\(2\) "))
    grace.page.get_by_role("link", name=re.compile("workshop")).click()
    grace.hears("one", "two")
    expect(grace.page.locator(".new-line")).to_be_visible()
    expect(grace.page.locator(".badge:visible")).to_have_count(0)
    grace.page.reload()
    grace.hears("one", "two")
    expect(grace.page.get_by_role("link", name=re.compile("workshop"))).to_be_visible()


def test_typing_is_seen_by_the_others(people: People) -> None:
    ada, grace = people().enter("Ada"), people().enter("Grace")
    ada.entry.press_sequentially("well")
    expect(grace.page.locator(".typing")).to_have_text("Ada is typing …")
    expect(ada.page.locator(".typing")).to_have_text("")
    ada.entry.press("Enter")
    grace.hears("well")
    expect(grace.page.locator(".typing")).to_have_text("")


def test_a_message_over_the_limit_is_refused_with_the_limit_and_kept(people: People) -> None:
    ada = people().enter("Ada")
    ada.say("x" * 17_000)
    expect(ada.page.get_by_role("alert")).to_contain_text("16,384 bytes")
    assert len(ada.entry.input_value()) == 17_000


def test_an_address_that_names_no_room_says_why_and_leads_to_the_lobby(people: People) -> None:
    ada = people().enter("Ada")
    ada.go("#/room/not%20a%20room!")
    expect(ada.page.locator(".toast")).to_contain_text("A room's name")
    ada.page.get_by_label("Message to #lobby").wait_for()
    ada.go("#/room/new-one")
    ada.page.get_by_label("Message to #new-one").wait_for()
    ada.page.get_by_role("button", name="Leave #new-one").click()
    ada.page.get_by_label("Message to #lobby").wait_for()
    expect(ada.page.get_by_role("link", name="new-one")).to_have_count(0)
