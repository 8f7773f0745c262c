"""For every test: a clean environment, no silent skip, and nothing that fails inside vidobs."""

import logging
import os
import sys
import tempfile

import pytest

collect_ignore = ["foreign"]  # a project of its own, installed and run by tests/e2e
FOREIGN = (
    *("VIDOBS_", "OTEL_", "DD_", "OPENAI_", "AZURE_OPENAI_", "GENERIC_LOGGER_", "HELICONE_"),
    *("LANGCHAIN_", "LANGFUSE_", "LANGSMITH_", "WEBHOOK_"),
)
OURS = {"VIDOBS_REQUIRE_ALL", "VIDOBS_KILL9_ROUNDS"}


def pytest_configure(config: pytest.Config) -> None:
    """Clear the settings of the shell, and give the tests a state folder of their own."""
    for name in list(os.environ):
        if name.startswith(FOREIGN) and name not in OURS:
            del os.environ[name]

    state = tempfile.TemporaryDirectory(prefix="vidobs-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(state.cleanup)
    os.environ["XDG_STATE_HOME"] = state.name
    os.environ["XDG_CONFIG_HOME"] = state.name
    os.environ["XDG_CACHE_HOME"] = state.name
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Turn a skip into a failure where everything must be present; `skipif` (a platform) stays."""
    report = yield
    required = os.environ.get("VIDOBS_REQUIRE_ALL") == "1"
    by_condition = item.get_closest_marker("skipif") or item.get_closest_marker("skip")
    if required and report.skipped and not hasattr(report, "wasxfail") and not by_condition:
        report.outcome = "failed"
        report.longrepr = f"VIDOBS_REQUIRE_ALL=1, but the test was skipped: {report.longrepr[2]}"
    return report


class Trips(logging.Handler):
    """Hears of the first trip of each kind, whichever runtime's guard it is."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.expected: set[str] = set()  # "where: ExceptionType"; for a test to set
        self.seen: dict[str, str] = {}  # kind -> all that was said

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what tripped."""
        if str(record.msg).startswith("vidobs failed inside"):
            self.seen[record.args[0]] = logging.Formatter().format(record)


@pytest.fixture(autouse=True)
def guard_trips():
    """After each test vidobs is as in a new process, and nothing failed inside it unexpectedly."""
    trips = Trips()
    logger = logging.getLogger("vidobs")
    logger.addHandler(trips)
    yield trips
    runtime = sys.modules.get("vidobs.runtime")
    if runtime is not None:
        runtime.reset()
    logger.removeHandler(trips)
    assert set(trips.seen) == trips.expected, "".join(trips.seen.values())
