"""`vidobs doctor`: what it looks at, and what it calls wrong."""

import os

import pytest

from vidobs.core.errors import LedgerUnusableError
from vidobs.ledger import filesystems


@pytest.fixture
def examine(run, folder):
    """Run the doctor and return its exit code and findings by name."""

    def findings(**environ):
        ledger = environ.pop("ledger", None)
        environ.setdefault("VIDOBS_LEDGER", f"sqlite:///{folder}/ledger.db")
        ran = run("doctor", "--json", ledger=ledger, **environ)
        assert ran.json["ok"] is (ran.code == 0)
        return {f["name"]: (f["verdict"], f["says"]) for f in ran.json["findings"]}

    return findings


def test_a_fresh_machine(examine):
    """Without ledger and settings everything that can be said is said, and nothing is created."""
    found = examine()

    assert found["configuration"] == ("ok", "no vidobs.yaml; VIDOBS_CONFIG is not set")
    assert found["ledger writable"] == ("ok", "yes")
    assert found["ledger tables"] == ("note", "no file yet; the first job makes it")
    assert found["exporters"] == ("note", "none is on; name some in `callbacks`")
    assert found["package msgspec"][0] == "ok"


def test_nothing_is_created(examine, folder):
    """The doctor looks and does not touch."""
    examine(VIDOBS_LEDGER=f"sqlite:///{folder}/deep/er/ledger.db")

    assert list(folder.iterdir()) == []


def test_a_sound_ledger(examine, folder, memory, jobs):
    """Schema, counts, journal mode and integrity come from the ledger."""
    (folder / "ledger.db").touch()

    found = examine(ledger=memory(jobs))

    assert found["ledger tables"] == ("ok", "schema 1, 4 jobs, 3 events, journal mode wal")
    assert found["ledger integrity"] == ("ok", "quick_check found nothing")


def test_a_corrupt_ledger(examine, folder, memory):
    """What the integrity check found is wrong."""
    (folder / "ledger.db").touch()

    found = examine(ledger=memory(problem="page 3 is torn"))

    assert found["ledger integrity"] == ("wrong", "page 3 is torn")


def test_no_ledger_at_all(examine, folder, memory):
    """A file that cannot be opened is wrong, and the doctor goes on."""
    (folder / "ledger.db").touch()

    class Broken(memory):
        def info(self):
            """Fail."""
            raise LedgerUnusableError("ledger.db: not a ledger")

    found = examine(ledger=Broken())

    assert found["ledger tables"] == ("wrong", "ledger.db: not a ledger")
    assert "opentelemetry" in found


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_folder_without_permission(examine, folder):
    """A place that cannot be written is wrong."""
    folder.chmod(0o500)

    assert examine()["ledger writable"][0] == "wrong"


def test_a_ledger_below_a_file(examine, folder):
    """A path that leads through a file can never be written."""
    (folder / "file").touch()

    found = examine(VIDOBS_LEDGER=f"sqlite:///{folder}/file/ledger.db")

    assert found["ledger writable"] == ("wrong", f"{folder}/file is no folder")


def test_a_ledger_in_memory(examine):
    """A ledger that does not last is pointed out."""
    assert examine(VIDOBS_LEDGER="memory:")["ledger"] == (
        "note",
        "memory:, gone when the process ends",
    )


def test_broken_settings(examine, folder):
    """A file that cannot be read is a finding, not the end."""
    (folder / "vidobs.yaml").write_text("otel: jaeger\n")

    found = examine()

    assert found["configuration"] == (
        "wrong",
        "vidobs.yaml:1: otel: got 'jaeger'; allowed: none, console, otlp",
    )
    assert "python" in found


def test_unknown_exporter(examine):
    """A name that no package brings is wrong."""
    verdict, says = examine(VIDOBS_CALLBACKS="nix")["exporter nix"]

    assert verdict == "wrong"
    assert "unknown exporter 'nix'; known: " in says


def test_exporter_that_is_not_on(examine, folder):
    """Options without a name in `callbacks` are probably a mistake."""
    (folder / "vidobs.yaml").write_text("exporters: {jsonl: {path: x}}\n")

    assert examine()["exporter jsonl"] == ("note", "set up, but not named in `callbacks`")


def test_switched_off(examine):
    """Both ways to switch things off are named."""
    found = examine(VIDOBS_DISABLED="1", OTEL_SDK_DISABLED="true")

    assert found["disabled"] == (
        "note",
        "switched off by environment VIDOBS_DISABLED: nothing is recorded",
    )
    assert found["opentelemetry"] == ("note", "switched off by OTEL_SDK_DISABLED")


def test_the_table_says_the_same(run, folder):
    """People see a mark, a name and a finding in each line."""
    (folder / "vidobs.yaml").write_text("otel: jaeger\n")

    ran = run("doctor")

    assert ran.code == 1
    assert "WRONG  configuration" in ran.out


def test_options_that_do_not_fit(examine, folder):
    """An exporter that cannot be set up as written is wrong."""
    (folder / "vidobs.yaml").write_text("callbacks: [jsonl]\nexporters: {jsonl: {pth: x}}\n")

    verdict, says = examine()["exporter jsonl"]

    assert verdict == "wrong"
    assert "pth" in says


def test_an_exporter_that_is_on(examine):
    """What is on and takes an event is fine."""
    found = examine(VIDOBS_CALLBACKS="jsonl/audit")

    verdict, says = found["exporter jsonl/audit"]
    assert verdict == "ok"
    assert says.startswith("test event: ")


def test_a_ledger_on_a_network_file_system(examine, folder, monkeypatch):
    """A place where SQLite's locks do not hold is wrong."""
    (folder / "mounts").write_text(f"server:/ {folder} nfs4 rw 0 0\n")
    monkeypatch.setattr(filesystems, "_MOUNTS", str(folder / "mounts"))

    verdict, says = examine()["ledger place"]

    assert verdict == "wrong"
    assert "network file system (nfs4)" in says
