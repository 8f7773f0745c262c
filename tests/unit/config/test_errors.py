"""Wrong configuration: the message says where, what and what is allowed."""

import pytest

from vidobs.config import load
from vidobs.core.errors import ConfigError
from vidobs_exporters.jsonl import JsonlExporter


def message(given=None, environ=None) -> str:
    """Return the text of the error that loading raises."""
    with pytest.raises(ConfigError) as raised:
        load(given or {}, environ or {})
    return str(raised.value)


def test_unknown_argument():
    """A misspelt argument of configure() gets the right name suggested."""
    text = message({"calbacks": ["console"]})

    assert text.startswith("configure(): unknown setting 'calbacks'; known: callbacks, capture, ")
    assert text.endswith("did you mean 'callbacks'?")


def test_unknown_key_in_the_file(write_yaml):
    """A misspelt key is found at its line."""
    write_yaml("otel: none\n\nledgr: 'memory:'\n")

    text = message()

    assert text.startswith("vidobs.yaml:3: unknown setting 'ledgr'")
    assert text.endswith("did you mean 'ledger'?")


def test_unknown_part_of_capture(write_yaml):
    """A misspelt key inside `capture` is found as well."""
    write_yaml("capture:\n  contents: full\n")

    assert message() == (
        "vidobs.yaml:2: unknown key of capture 'contents'; known: content, media; "
        "did you mean 'content'?"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("callbacks: [console\notel: none\n", "vidobs.yaml:2:5: expected ',' or ']', but got ':'"),
        ("a: b: c\n", "vidobs.yaml:1:5: mapping values are not allowed here"),
        ("otel: none\notel: console\n", "vidobs.yaml:2:1: the key 'otel' stands here twice"),
        ("- callbacks\n", "vidobs.yaml:1:1: expected a mapping of settings"),
        ("otel: !!python/name:os.system x\n", "vidobs.yaml:1:7: could not determine a constructor"),
        ("exporters: &x {jsonl: *x}\n", "vidobs.yaml:1:12: an alias refers to the value"),
        ("otel: \x07\n", "vidobs.yaml:1: special characters are not allowed: #x0007"),
        ("exporters: {a: {d: 2026-13-45}}\n", "vidobs.yaml:1:20: cannot read '2026-13-45': month"),
        ("{[a]: b}\n", "vidobs.yaml:1:2: a key must be a plain text"),
        ("a: 1\n---\nb: 2\n", "vidobs.yaml:2:1: but found another document"),
    ],
)
def test_malformed_yaml(write_yaml, text, expected):
    """What is wrong with the file is said with its line and column."""
    write_yaml(text)

    assert message().startswith(expected)


def test_file_that_is_not_utf8(folder):
    """Bytes that are no text are said to be none."""
    (folder / "vidobs.yaml").write_bytes(b"otel: \xff\n")

    assert message() == "vidobs.yaml: not UTF-8: invalid start byte at byte 6"


def test_missing_variable(write_yaml):
    """A variable that is not set is named, with the line that needs it."""
    write_yaml("""
        callbacks: [webhook/audit]
        exporters:
          webhook/audit:
            url: "https://${env:HOST}/x"
    """)

    assert message() == (
        "vidobs.yaml:5:10: exporters.webhook/audit.url needs the environment variable HOST, "
        "which is not set"
    )


@pytest.mark.parametrize("named", ["webhook/audit", "by the environment", "as an object"])
def test_a_variable_is_missing_once_it_is_needed(write_yaml, named):
    """However deep it stands, and whatever switches the exporter on."""
    write_yaml("""
        exporters:
          webhook/audit: {headers: [{x: y}, {Authorization: "Bearer ${env:A}${env:NO_TOKEN}"}]}
    """)
    exporter = JsonlExporter("webhook/audit")
    given = {"callbacks": {"webhook/audit": [named], "as an object": [exporter]}.get(named)}
    environ = {"A": "a"}
    if named == "by the environment":
        environ["VIDOBS_CALLBACKS"] = "console,webhook/audit"

    assert message(given, environ) == (
        "vidobs.yaml:3:53: exporters.webhook/audit.headers.1.Authorization needs the environment "
        "variable NO_TOKEN, which is not set"
    )


def test_outside_of_exporters_a_variable_is_always_needed(write_yaml):
    """There is nothing that could be switched off."""
    write_yaml("ledger: ${env:NO_LEDGER}\n")

    assert message() == (
        "vidobs.yaml:1:9: ledger needs the environment variable NO_LEDGER, which is not set"
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"durability": "ful"},
            "configure(): durability: got 'ful'; allowed: normal, full; did you mean 'full'?",
        ),
        ({"http_spans": True}, "configure(): http_spans: got true (bool); allowed: creates, all"),
        ({"disabled": "maybe"}, "configure(): disabled: got 'maybe'; allowed: true, false, yes"),
        ({"same_trace_s": -1}, "configure(): same_trace_s: got -1 (int); allowed: a number of sec"),
        ({"same_trace_s": "nan"}, "configure(): same_trace_s: got 'nan'; allowed: a number"),
        ({"same_trace_s": True}, "configure(): same_trace_s: got true (bool); allowed: a number"),
        ({"media_max_bytes": 0}, "configure(): media_max_bytes: got 0 (int); allowed: a whole num"),
        ({"media_max_bytes": "1 GB"}, "configure(): media_max_bytes: got '1 GB'; allowed: a whole"),
        ({"media_max_bytes": True}, "configure(): media_max_bytes: got true (bool); allowed: a wh"),
        ({"media_retention_days": 1.5}, "configure(): media_retention_days: got 1.5 (float); all"),
        ({"service_name": 7}, "configure(): service_name: got 7 (int); allowed: a text"),
        ({"callbacks": 7}, "configure(): callbacks: got 7 (int); allowed: a list of names"),
        ({"callbacks": [7]}, "configure(): callbacks: got 7 (int) in the list; allowed: a type"),
        ({"exporters": ["jsonl"]}, "configure(): exporters: got a value of type list; allowed: a"),
        ({"exporters": {"jsonl": "x"}}, "configure(): exporters.jsonl: got str; allowed: a map"),
        ({"exporters": {"/x": {}}}, "configure(): exporters: got '/x' as an id; allowed: a type"),
        ({"capture": "fulll"}, "configure(): capture.content: got 'fulll'; allowed: none, hash"),
        (
            {"ledger": "postgresql://me:pw@db/x"},
            "configure(): ledger: PostgreSQL is not there yet; use one of: sqlite:///",
        ),
        (
            {"ledger": "/var/x.db"},
            (
                "configure(): ledger: cannot open '/var/x.db'; "
                "write one of: sqlite:///relative.db, "
                "sqlite:////absolute.db, memory:; did you mean 'sqlite:////var/x.db'?"
            ),
        ),
        ({"ledger": 3}, "configure(): ledger: got int; write one of: sqlite:///relative.db"),
        ({"prices": {"model": "x"}}, "configure(): prices: expected a list of price rows"),
        (
            {"prices": [{"model": "x", "usd": 1}]},
            "configure(): prices: price row 1 (model 'x'): 'unit' is missing; known units: ",
        ),
        (
            {"policies": {"openai": {"bill_on_fail": "no"}}},
            "configure(): policies: billing policy of 'openai': unknown rule 'bill_on_fail'",
        ),
    ],
)
def test_wrong_value(given, expected):
    """Wrong types and values are said with what is allowed instead."""
    assert message(given).startswith(expected)


def test_wrong_value_in_the_environment():
    """The variable is named."""
    assert message({}, {"VIDOBS_OTEL": "jaeger"}) == (
        "environment VIDOBS_OTEL: otel: got 'jaeger'; allowed: none, console, otlp"
    )


def test_errors_hold_no_secrets():
    """A ledger URL with a password is not repeated."""
    assert "canary" not in message({"ledger": "mysql://me:canary@db/x?token=canary"})
