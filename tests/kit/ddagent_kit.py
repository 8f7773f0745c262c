"""The Agent that Datadog tests its own tracers with: a real one as far as it goes.

    with TestAgent.started(folder) as agent:
        ... OTLP to agent.otlp_url, ddtrace to agent.url ...
        agent.otlp("traces"), agent.otlp("logs"), agent.otlp("metrics")
        agent.traces("token"), agent.llmobs("token"), agent.failures()

What comes with the header `X-Datadog-Test-Session-Token: token` is read back by that token. The
real Agent takes no OTLP unless it is told to, and checks less.
"""

import base64
import json
import os
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import httpx

HOME = Path(__file__).parents[2] / ".venv" / "ddagent"
CHECKS = (
    "trace_count_header,meta_tracer_version_header,trace_content_length,trace_peer_service,"
    "trace_dd_service,meta_events_is_valid_json"
)
SOON_S = 30.0


def installed():
    """Tell whether `make ddagent-env` has run."""
    return (HOME / ".installed").exists()


class TestAgent:
    """One running agent."""

    __test__ = False  # for pytest, which takes it for tests

    def __init__(self, port, otlp_port):
        self.url = f"http://127.0.0.1:{port}"
        self.otlp_url = f"http://127.0.0.1:{otlp_port}"

    @classmethod
    @contextmanager
    def started(cls, folder):
        """Run an agent on free ports; its output goes to a file in the folder."""
        ports = free_ports(4)
        apm, otlp, grpc, web = map(str, ports)
        command = [
            *[HOME / "bin" / "ddapm-test-agent", "-p", apm, "--otlp-http-port", otlp],
            *["--otlp-grpc-port", grpc, "--web-ui-port", web, "--snapshot-dir", folder],
            *["--disable-llmobs-data-forwarding", "--log-level", "WARNING"],
        ]
        env = {name: value for name, value in os.environ.items() if not name.startswith("DD_")}
        env |= {"DD_POOL_TRACE_CHECK_FAILURES": "true", "DD_DISABLE_ERROR_RESPONSES": "true"}
        env["ENABLED_CHECKS"] = CHECKS
        log = folder / "agent.log"
        with log.open("wb") as out:
            process = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT)
            try:
                agent = cls(ports[0], ports[1])
                agent.wait(process, log)
                yield agent
            finally:
                process.terminate()
                process.wait(SOON_S)

    def wait(self, process, log):
        """Wait until both servers listen."""
        deadline = time.monotonic() + SOON_S
        for url in (f"{self.url}/info", f"{self.otlp_url}/test/session/traces"):
            while not _answers(url):
                text = log.read_text()
                assert process.poll() is None, text
                assert time.monotonic() < deadline, text

    def otlp(self, signal):
        """Return every `traces`, `logs` or `metrics` request so far, as JSON."""
        return httpx.get(f"{self.otlp_url}/test/session/{signal}", trust_env=False).json()

    def otlp_requests(self):
        """Return headers and path of every OTLP request so far."""
        return httpx.get(f"{self.otlp_url}/test/session/requests", trust_env=False).json()

    def clear(self):
        """Forget what came by OTLP."""
        httpx.get(f"{self.otlp_url}/test/session/clear", trust_env=False).raise_for_status()

    def spans(self, token):
        """Return the spans that came from ddtrace."""
        return [span for trace in self._session("traces", token) for span in trace]

    def llmobs(self, token):
        """Return the spans of LLM Observability that came from ddtrace."""
        found = []
        for request in self._session("requests", token):
            if request["url"].endswith("/llmobs"):
                for event in json.loads(base64.b64decode(request["body"])):
                    found += event["spans"]
        return found

    def paths(self, token):
        """Return the path of every request that came with a token."""
        return [httpx.URL(one["url"]).path for one in self._session("requests", token)]

    def failures(self):
        """Return what the agent's checks found wrong with traces; nothing is an empty text."""
        answer = httpx.get(f"{self.url}/test/trace_check/failures", trust_env=False)
        return "" if answer.status_code == httpx.codes.OK else answer.text

    def _session(self, what, token):
        params = {"test_session_token": token}
        url = f"{self.url}/test/session/{what}"
        return httpx.get(url, params=params, trust_env=False).json()


def free_ports(count):
    """Return ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _answers(url):
    try:
        return httpx.get(url, trust_env=False, timeout=1.0).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
