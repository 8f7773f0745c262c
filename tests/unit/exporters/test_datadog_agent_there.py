"""Whether the Agent that ddtrace sends to is there."""

import socket
import threading

import pytest
from sink_kit import Sink

from vidobs import ExportError
from vidobs_exporters.datadog.agent import Agent


@pytest.fixture
def agent():
    """What asks, without much patience."""
    one = Agent("datadog", 5.0)
    yield one
    one.close()


@pytest.mark.parametrize("status", [200, 404, 500])
def test_whoever_answers_is_there(agent, status):
    """What it says is for ddtrace to judge; a path in front of its own is kept."""
    with Sink() as sink:
        sink.answers(status)
        agent.ask(f"{sink.url}/agent/")
        agent.ask(f"{sink.url}/agent/")

    assert [request.path for request in sink.requests] == ["/agent/info"] * 2


def test_nobody_there_is_an_outage(agent):
    """Events wait for it."""
    with Sink() as sink:
        url = sink.url

    with pytest.raises(ExportError, match=r"no answer from http://127\.0\.0\.1:") as caught:
        agent.ask(url)

    assert caught.value.retryable is True


@pytest.mark.parametrize("url", [None, ""])
def test_without_an_agent_nobody_is_asked(agent, url):
    """Where ddtrace sends to the intake itself, it is not for us to ask."""
    agent.ask(url)

    assert agent.named(url) == "the intake"


def test_another_address_is_asked(agent):
    """The program may set ddtrace up after vidobs."""
    with Sink() as first, Sink() as second:
        agent.ask(first.url)
        agent.ask(second.url)

    assert len(first.requests) == len(second.requests) == 1


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="the system has no Unix sockets")
def test_an_agent_behind_a_socket(agent, tmp_path):
    """As it is on many hosts: `unix:///var/run/datadog/apm.socket`."""
    path = tmp_path / "apm.socket"
    asked = []

    def answer():
        connection, _ = listening.accept()
        with connection:
            asked.append(connection.recv(4096).partition(b"\r\n")[0])
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        thread = threading.Thread(target=answer)
        thread.start()
        agent.ask(f"unix://{path}")
        thread.join()

    assert asked == [b"GET /info HTTP/1.1"]
    assert agent.named(f"unix://{path}") == f"unix://{path}"
