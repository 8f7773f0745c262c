import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from vidobs.cli.app import app
from vidobs.cli.entry import GatewayStart, plain_gateway

whole = typer.main.get_command(app)
words = st.sampled_from(
    [
        "--config",
        "--model",
        "--host",
        "--port",
        "--config=a.yaml",
        "--port=0",
        "--port=70000",
        "--help",
        "-h",
        "--",
        "-1",
        "x",
        "007",
        "8080",
        "a.yaml",
        "sora-2",
        "127.0.0.1",
        "::1",
        "",
    ]
)


def read_by_the_whole(arguments):
    """Return how the whole command line reads the options of a gateway."""
    with typer.Context(whole) as context:
        command = whole.get_command(context, "gateway")
    return GatewayStart(**command.make_context("gateway", list(arguments)).params)


@given(st.lists(words, max_size=6))
def test_what_is_read_plainly_is_read_the_same(arguments):
    """A shorter way in, and no other one: the whole command line says the same."""
    start = plain_gateway(["gateway", *arguments])

    assert start is None or start == read_by_the_whole(arguments)


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        ([], GatewayStart()),
        (["--config", "a.yaml", "--port", "0"], GatewayStart(config=Path("a.yaml"), port=0)),
        (["--model=azure/sora-2", "--host", "::1"], GatewayStart(model="azure/sora-2", host="::1")),
    ],
)
def test_a_plain_start_is_read_at_once(arguments, start):
    """Both spellings of an option are plain."""
    assert plain_gateway(["gateway", *arguments]) == start


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["jobs"],
        ["--version"],
        ["gateway", "--help"],
        ["gateway", "-h"],
        ["gateway", "--prot", "1"],
        ["gateway", "--port"],
        ["gateway", "--port", "65536"],
        ["gateway", "--port", "-1"],
        ["gateway", "--port", "\u0663"],
        ["gateway", "--port", "1", "--port", "2"],
        ["gateway", "config.yaml"],
    ],
)
def test_the_rest_is_for_the_whole_command_line(words):
    """Help, mistakes and other commands look as they always did."""
    assert plain_gateway(words) is None


def test_what_is_wrong_is_said_as_everywhere(tmp_path):
    """One line on stderr without a traceback, and the exit code of all of them."""
    ran = subprocess.run(
        [sys.executable, "-c", "from vidobs.cli import main; main()", "gateway"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "VIDOBS_CONFIG"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "error: give --config FILE, or --model such as azure/sora-2\n"
