"""A real Prometheus, and promtool, as far as Debian brings them.

with Prometheus.scraping("127.0.0.1:8000", folder, rules=path) as prometheus:
    prometheus.wait_for("up == 1")
    prometheus.ask("sum(rate(x[5s]))")

check = promtool("check", "rules", path)
"""

import shutil
import subprocess
import threading
import time
from contextlib import contextmanager
from math import isnan
from typing import NamedTuple

import httpx
from ddagent_kit import free_ports

MISSING = "needs Prometheus: apt-get install prometheus (it need not run as a service)"
SOON_S = 30.0
GLANCE_S = 0.05
_CONFIG = """\
global:
  scrape_interval: 200ms
  scrape_timeout: 200ms
  evaluation_interval: 1s
rule_files: [{rules}]
scrape_configs:
"""
_TARGET = """\
  - job_name: {job}
    static_configs: [{{targets: ["{address}"]}}]
    authorization: {{credentials: "{token}"}}
"""


class Target(NamedTuple):
    """What is scraped."""

    job: str
    address: str
    token: str = "none"


def installed():
    """Tell whether both programs are there."""
    return shutil.which("prometheus") is not None and shutil.which("promtool") is not None


def promtool(*arguments, given=""):
    """Run promtool, with something on stdin; return what became of it."""
    command = ["promtool", *map(str, arguments)]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


class Prometheus:
    """One running server."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        self._http = httpx.Client(base_url=self.url, trust_env=False, timeout=SOON_S)

    @classmethod
    @contextmanager
    def scraping(cls, targets, folder, *, rules):
        """Run a server that scrapes targets five times a second; its files go into a folder."""
        [port] = free_ports(1)
        config = folder / "prometheus.yaml"
        scraped = "".join(_TARGET.format(**one._asdict()) for one in targets)
        config.write_text(_CONFIG.format(rules=rules) + scraped, "utf-8")
        command = [
            *["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"],
            *[f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
        ]
        log = folder / "prometheus.log"
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
            try:
                one = cls(port)
                with one._http:
                    one._wait_until_ready(process, log)
                    yield one
            finally:
                process.terminate()
                process.wait(SOON_S)

    def ask(self, expr):
        """Run a query; return its samples as [(labels, value)]. A wrong query fails the test."""
        answer = self._http.get("/api/v1/query", params={"query": expr})
        said = answer.json()
        assert said["status"] == "success", f"{expr}\n{said}"
        return [(one["metric"], float(one["value"][1])) for one in said["data"]["result"]]

    def wait_for(self, expr):
        """Wait until a query has numbers; return them as `ask` does, without what is none."""
        deadline = time.monotonic() + SOON_S
        while not (found := [one for one in self.ask(expr) if not isnan(one[1])]):
            assert time.monotonic() < deadline, f"{expr} has no result"
            _glance()
        return found

    def rules(self):
        """Return every rule as Prometheus has it, once all were evaluated."""
        deadline = time.monotonic() + SOON_S
        while True:
            groups = self._http.get("/api/v1/rules").json()["data"]["groups"]
            rules = [rule for group in groups for rule in group["rules"]]
            if rules and all(rule["health"] != "unknown" for rule in rules):
                return rules
            assert time.monotonic() < deadline, rules
            _glance()

    def _wait_until_ready(self, process, log):
        deadline = time.monotonic() + SOON_S
        while not self._ready():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            _glance()

    def _ready(self):
        try:
            return self._http.get("/-/ready").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


def _glance():
    threading.Event().wait(GLANCE_S)
