"""`import vidobs` is free: the standard library only, no thread, no socket, no file but modules.

And a gateway loads what it serves videos with, not what somebody may ask for one day.
"""

import json
import subprocess
import sys
from pathlib import PurePath

import httpx
import pytest
import yaml
from gateway_kit import COMMAND, entry, process, settings_of

PROBE = """
import _thread, sys

def start_new_thread(*args, start=_thread.start_new_thread):
    events.append(("_thread.start_new_thread", ""))  # Python 3.11 has no audit event for it
    return start(*args)

_thread.start_new_thread = start_new_thread
assert "threading" not in sys.modules

before, events = set(sys.modules), []
sys.addaudithook(lambda event, args: events.append((event, str(args[0]) if args else "")))
import vidobs
seen, modules = list(events), sorted(set(sys.modules) - before)

import json, pathlib, threading
report = {"seen": seen, "modules": modules, "threads": threading.active_count()}
pathlib.Path(sys.argv[1]).write_text(json.dumps(report))
"""
MODULE_FILES = {".py", ".pyc", ".so", ".pyd", ".dylib"}
OUTSIDE = (
    "socket.",
    "subprocess.",
    "_thread.start",
    "os.system",
    "os.mkdir",
    "sqlite3.",
    "ctypes.",
)
GATEWAY = f"""
import atexit, json, pathlib, sys

atexit.register(lambda: pathlib.Path("modules.json").write_text(json.dumps(sorted(sys.modules))))
{COMMAND}
"""
NOT_TO_SERVE = {
    "aiohttp",
    "httpx",
    "jinja2",
    "limits",
    "openai",
    "opentelemetry.instrumentation.utils",
    "opentelemetry.sdk",
    "platformdirs",
    "prometheus_client",
    "pydantic",
    "pygments",
    "rich",
    "starlette",
    "structlog",
    "typer",
    "vidobs.cli.app",
    "vidobs.dashboard",
    "vidobs.gateway.alerting.desk",
    "vidobs.gateway.guardrails.settings",
    "vidobs.gateway.hooks.routes",
    "vidobs.gateway.routes.openapi_document",
    "wrapt",
}


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    """Import vidobs in a fresh interpreter that reports what happened meanwhile."""
    report = tmp_path_factory.mktemp("import") / "report.json"
    program = [sys.executable, "-I", "-B", "-W", "error", "-c", PROBE, str(report)]
    ran = subprocess.run(program, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(report.read_text("utf-8")) | {"stdout": ran.stdout, "stderr": ran.stderr}


def test_import_loads_the_standard_library_only(observed):
    """No SDK, no HTTP client, no OpenTelemetry: those load when they are first used."""
    loaded = {name.partition(".")[0] for name in observed["modules"]}

    assert loaded - sys.stdlib_module_names == {"vidobs"}


def test_import_opens_no_file_but_modules(observed):
    """Only files of Python modules are opened: no configuration, no metadata, no ledger."""
    opened = [path for event, path in observed["seen"] if event == "open"]

    assert [path for path in opened if PurePath(path).suffix not in MODULE_FILES] == []


def test_import_touches_nothing_outside(observed):
    """No socket, process, thread, folder or database is made."""
    assert [event for event, _ in observed["seen"] if event.startswith(OUTSIDE)] == []
    assert observed["threads"] == 1


def test_import_is_silent(observed):
    """Nothing is written to standard output or standard error."""
    assert (observed["stdout"], observed["stderr"]) == ("", "")


def test_a_gateway_loads_what_it_serves_with(tmp_path):
    """No dashboard, metrics, SDK of OpenTelemetry or command line, until somebody needs them."""
    content = {
        **settings_of(entry("my-sora", "openai/sora-2", "http://127.0.0.1:9")),
        "callbacks": ["jsonl"],
        "exporters": {"jsonl": {"path": "events.jsonl"}},
        "ledger": f"sqlite:///{tmp_path / 'ledger.db'}",
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content), "utf-8")
    with process(tmp_path, "--config", "config.yaml", program=GATEWAY) as (_, url):
        assert httpx.get(f"{url}/health/live", trust_env=False).status_code == 200
    loaded = set(json.loads((tmp_path / "modules.json").read_text("utf-8")))

    assert "vidobs.gateway.server" in loaded
    assert loaded & NOT_TO_SERVE == set()
