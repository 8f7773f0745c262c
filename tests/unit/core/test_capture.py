import hashlib
import hmac
import io
import json
from pathlib import Path

import pytest

from vidobs.core.capture import CapturePolicy, Content, Fingerprint, Media
from vidobs.core.errors import ConfigError
from vidobs.core.quotes import without
from vidobs.core.scrub import scrub, scrub_error, scrub_exception, scrub_text

KEY = b"the ledger's key"
PROMPT = "A cat with a ball of yarn"
CREATE = {"prompt": PROMPT, "model": "sora-2", "seconds": "8", "size": "720x1280"}


@pytest.fixture
def fingerprint() -> Fingerprint:
    """What hashes with the ledger's key."""
    return Fingerprint(KEY)


def test_nothing_of_the_content_is_kept_by_default(fingerprint):
    """The policy without any setting keeps neither prompts nor media."""
    policy = CapturePolicy()

    assert policy == CapturePolicy(content=Content.NONE, media=Media.NONE)
    assert policy.prompt(PROMPT, fingerprint) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("hash", CapturePolicy(content=Content.HASH)),
        ({"content": "full"}, CapturePolicy(content=Content.FULL)),
        ({"media": "thumbnail"}, CapturePolicy(media=Media.THUMBNAIL)),
        ({}, CapturePolicy()),
        (CapturePolicy(media=Media.FULL), CapturePolicy(media=Media.FULL)),
    ],
)
def test_a_policy_is_read_from_a_word_or_a_mapping(given, expected):
    """A plain string sets the content; a mapping may set both."""
    assert CapturePolicy.parse(given) == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("ful", "unknown capture.content 'ful'; known: full, hash, none; did you mean 'full'?"),
        ({"media": "all"}, "unknown capture.media 'all'; known: full, none, thumbnail"),
        (
            {"contents": "full"},
            "unknown capture setting 'contents'; known: content, media; did you mean 'content'?",
        ),
        (7, "capture must be one of none, hash, full, or a mapping"),
    ],
)
def test_a_wrong_policy_is_refused_with_what_would_be_right(given, said):
    """The error names what is known, and the nearest of it."""
    with pytest.raises(ConfigError) as caught:
        CapturePolicy.parse(given)

    assert str(caught.value).startswith(said)


def test_a_hashed_prompt_is_a_keyed_hmac(fingerprint):
    """HMAC-SHA256 as of RFC 2104, cut to 32 hex digits, and another key gives another figure."""
    expected = hmac.digest(KEY, PROMPT.encode(), "sha256").hex()[:32]
    policy = CapturePolicy(content=Content.HASH)

    assert policy.prompt(PROMPT, fingerprint) == f"hmac:{expected}"
    assert policy.prompt(PROMPT, Fingerprint(b"other")) != f"hmac:{expected}"


@pytest.mark.parametrize("key", [b"", b"k" * 64, b"k" * 65, b"k" * 200])
def test_keys_of_any_length_are_used_as_the_standard_says(key):
    """Keys longer than a block of SHA-256 are hashed first."""
    assert Fingerprint(key).prompt_hash("x") == hmac.digest(key, b"x", "sha256").hex()[:32]


def test_a_full_prompt_keeps_its_lines_and_loses_its_secrets(fingerprint):
    """Line feeds stay in content; keys, signed URLs and escape codes do not."""
    policy = CapturePolicy(content=Content.FULL)
    prompt = "Scene 1:\n\ta key sk-proj-canary123456\nhttps://h/p.png?sig=canary \x1b[31m"

    assert policy.prompt(prompt, fingerprint) == (
        "Scene 1:\n\ta key [secret]\nhttps://h/p.png \\x1b[31m"
    )


def test_a_full_prompt_is_cut_at_32_kib(fingerprint):
    """The limit is in bytes, and no character is cut in two."""
    kept = CapturePolicy(content=Content.FULL).prompt("ä b " * 20_000, fingerprint)

    assert 32_000 < len(kept.encode()) <= 32 * 1024


def test_a_prompt_that_is_no_text_is_not_kept(fingerprint):
    """Only text can be scrubbed, so only text is kept."""
    assert CapturePolicy(content=Content.FULL).prompt(["a", "b"], fingerprint) is None


def test_the_order_of_fields_does_not_count(fingerprint):
    """Two ways of writing one request have one fingerprint."""
    turned = dict(reversed(CREATE.items()))

    assert fingerprint.request_hash(turned) == fingerprint.request_hash(CREATE)
    assert fingerprint.request_hash({**CREATE, "seconds": "4"}) != fingerprint.request_hash(CREATE)


def test_a_request_is_hashed_as_sorted_json(fingerprint):
    """Anybody with the key can compute the figure."""
    canonical = json.dumps(CREATE, sort_keys=True, separators=(",", ":")).encode()

    assert fingerprint.request_hash(CREATE) == hmac.digest(KEY, canonical, "sha256").hex()[:32]


def test_large_content_counts_by_size_and_both_ends(fingerprint):
    """At most the first and the last 32 KiB of bytes are read."""
    middle = bytearray(200_000)
    middle[100_000] = 1
    first, last, longer = bytearray(200_000), bytearray(200_000), bytes(200_001)
    first[0] = last[-1] = 1

    def of(content):
        return fingerprint.request_hash({"file": content})

    assert of(bytes(200_000)) == of(bytes(middle)) == of(memoryview(middle))
    assert len({of(bytes(200_000)), of(bytes(first)), of(bytes(last)), of(longer)}) == 4


def test_long_text_is_not_read_through(fingerprint):
    """A picture as a data URI of megabytes costs what a file costs."""
    text = "data:image/png;base64," + "A" * 10_000_000
    digest = hashlib.sha256((text[:32768] + text[-32768:]).encode()).hexdigest()
    stands_for = json.dumps({"bytes": len(text), "sha256": digest}, separators=(",", ":"))

    assert fingerprint.request_hash({"a": text}) == fingerprint.request_hash({"a": stands_for})


class Stream(io.RawIOBase):
    """A stream that nobody may touch."""

    name = "canary-name"

    def read(self, _=-1):
        """Fail the test."""
        raise AssertionError("read")

    def seek(self, *_):
        """Fail the test."""
        raise AssertionError("moved")

    def __repr__(self):
        raise AssertionError("shown")


def test_streams_and_paths_are_neither_read_nor_named(fingerprint):
    """They all look the same: a file that was not read."""
    same = {
        fingerprint.request_hash({"file": content})
        for content in (Stream(), Path("canary"), io.BytesIO(b"x"), object())
    }

    assert len(same) == 1


def test_odd_values_have_a_fingerprint_too(fingerprint):
    """Lone surrogates, huge numbers, foreign keys and cycles do not stop it."""
    cycle: dict[str, object] = {}
    cycle["again"] = cycle
    odd = [
        {"prompt": "\ud800"},
        {"\udfff": "x"},
        {"n": 10**5000},
        {7: "x"},
        {"x": float("nan")},
        {"x": [True, None, 1.5, ("a", {"b": b"c"})]},
        cycle,
    ]

    assert len({fingerprint.request_hash(fields) for fields in odd}) == len(odd)


SECRETS = [
    "sk-proj-abcDEF123456",
    "sk-ant-api03-abcdefghijkl",
    "sk_live_abcdefghijkl",
    "lsv2_pt_0123456789abcdef",
    "pk-lf-01234567-89ab",
    "sk-lf-01234567-89ab",
    "AIzaSyA0123456789abcdefghijklmnopqrstu",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "AKIAIOSFODNN7EXAMPLE",
    "hf_abcdefghijklmnopqrst",
    "xai-abcdefghijklmnopqrst",
    "ghp_abcdefghijklmnopqrstuvwxyz",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "key {} is wrong",
        "a\n{}\nb",
        r"a\n{}\nb",
        "'{}'",
        '{{"key":"{}"}}',
        "({})",
        "x={}&y=1",
        "Bearer {}",
        "key,{};",
        r"\u0026{}",
    ],
)
def test_keys_are_taken_out_of_any_surroundings(secret, around):
    """Also where a quoted line feed or ampersand touches them."""
    assert secret[4:] not in scrub(around.format(secret))


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (
            "Incorrect API key provided: sk-proj-********abcd. See https://a.com/keys?x=1.",
            "Incorrect API key provided: [secret] See https://a.com/keys",
        ),
        ("Incorrect API key provided: mine.", "Incorrect API key provided: [secret]"),
        (
            "{'authorization': 'Bearer canary', 'api-key': 'canary', 'accept': 'x'}",
            "{'authorization': '[secret]', 'api-key': '[secret]', 'accept': 'x'}",
        ),
        (
            "[(b'authorization', b'Basic Y2FuYXJ5'), (b'x-api-key', b'canary')]",
            "[(b'authorization', b'[secret]'), (b'x-api-key', b'[secret]')]",
        ),
        ("Authorization: Digest username=canary, response=canary", "Authorization: [secret]"),
        ("api-key: canary token=canary", "api-key: [secret] token=[secret]"),
        ("api_key='token': 'canary'", "api_key='[secret]': '[secret]'"),
        ("Cookie: session=canary; other=canary", "Cookie: [secret]"),
        ("Bearer canarycanary", "Bearer [secret]"),
        ("basic Y2FuYXJ5OmNhbmFyeQ==", "basic [secret]"),
        (
            "access_token: 'canary', client_secret=canary",
            "access_token: '[secret]', client_secret=[secret]",
        ),
        ("https://me:canary@h.com:81/p/v.mp4?sig=canary#canary x", "https://h.com:81/p/v.mp4 x"),
        ("postgres://me:ca/na@ry@h:5432/db", "postgres://h:5432/db"),
        (r'{"url":"https:\/\/h\/p?a=1\u0026sig=canary"}', r'{"url":"https:\/\/h\/p"}'),
        (
            "/v1/x?X-Goog-Signature=canary&sig=canary",
            "/v1/x?X-Goog-Signature=[secret]&sig=[secret]",
        ),
        ("url(data:image/png;base64,iVBORw0KGgo=) x", "url([data: 9 bytes] x"),
        ("A" * 256, "[data: 192 bytes]"),
        (r"b'\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x04\x00' x", r"b'[data: 20 bytes]' x"),
        ("a\r\nb\x1b[0m\x85\u202e\u2028\u200b\ud800", r"a\r\nb\x1b[0m\x85\u202e\u2028\u200b\ud800"),
    ],
)
def test_messages_are_scrubbed(text, clean):
    """What is left of real messages, and scrubbing it again changes nothing."""
    assert scrub(text) == clean
    assert scrub(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "The server had an error while processing your request. Sorry about that!",
        "Basic authentication required; no bearer token given",
        "completion_tokens: 100, max_tokens=5",
        "Invalid value: 'sora-3'. Supported values are: 'sora-2' and 'sora-2-pro'.",
        "Ungültige Größe, 解像度が無効です 🎬",
        "A task-force at the desk-side risk-free",
        "C:\\videos\\cat.mp4",
        "",
    ],
)
def test_harmless_text_stays_as_it_is(text):
    """No word that only looks like a secret goes."""
    assert scrub(text) == text


def test_text_is_cut_at_its_limit():
    """The default is 2,048 characters; the ellipsis counts."""
    assert scrub("ab " * 1000) == ("ab " * 1000)[:2047] + "…"
    assert scrub("abcdef", 4) == "abc…"


def test_secrets_at_the_end_of_what_is_read_are_not_cut_in_two():
    """Of a huge text only its start is read, up to a space."""
    text = "data:image/png;base64," + "A" * 65_510 + " sk-canarycanary"

    assert "canary" not in scrub(text)
    assert scrub("x" * 100_000) == "[data: 100000 bytes]"


def test_lines_stay_in_content_only():
    """A message becomes one line; content keeps its own."""
    assert scrub("a\n\tb") == "a\\n\\tb"
    assert scrub_text("a\n\tb\r") == "a\n\tb\\r"


class Talkative:
    """Something that tells secrets about itself."""

    def __repr__(self):
        return "sk-canarycanary"

    __str__ = __repr__


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Talkative(), "Talkative"),
        (b"sk-canarycanary", "bytes"),
        ({"a": "sk-canarycanary"}, "dict"),
        (400, "400"),
        (1.5, "1.5"),
    ],
)
def test_objects_are_named_and_never_shown(given, expected):
    """A repr can hold anything, so the type is all there is; numbers are harmless."""
    assert scrub(given) == expected


class LoudError(Exception):
    """An exception that tells a secret when it is asked for its text."""

    def __str__(self):
        return "sk-canarycanary"


def test_an_exception_is_described_by_its_texts():
    """Its own `__str__` is never called, objects in it are left out."""
    assert scrub_exception(LoudError()) == "LoudError"
    assert (
        scrub_exception(LoudError("key sk-canarycanary", Talkative())) == "LoudError: key [secret]"
    )
    assert scrub_exception(OSError(28, "No space left on device")) == (
        "OSError: 28 No space left on device"
    )
    assert scrub_exception(ValueError(f"bad prompt {PROMPT!r}"), PROMPT) == (
        "ValueError: bad prompt '[prompt]'"
    )


SENTENCE = 'A "cat" that\'s asleep,\non the roof of Café Ölgemälde 🎬'


@pytest.mark.parametrize(
    "quoted",
    [
        SENTENCE,
        SENTENCE.upper(),
        repr(SENTENCE)[1:-1],
        json.dumps(SENTENCE)[1:-1],
        json.dumps(SENTENCE, ensure_ascii=False)[1:-1],
    ],
)
def test_the_prompt_is_taken_out_of_an_error(quoted):
    """In any case, plain or quoted as in JSON and repr."""
    assert without(f"rejected: {quoted}!", SENTENCE) == "rejected: [prompt]!"


def test_long_pieces_of_the_prompt_are_taken_out():
    """20 characters in a row are too many; fewer may be chance."""
    prompt = "0123456789 abcdefghij klmnopqrst uvwxyz"

    assert scrub_error("at '56789 abcdefghij klm'", prompt) == "at '[prompt]'"
    assert scrub_error("at '6789 abcdefghij'", prompt) == "at '6789 abcdefghij'"
    assert scrub_error("9 abcdefghij klmnopq and ij klmnopqrst uvwxyz", prompt) == (
        "[prompt] and [prompt]"
    )


def test_short_prompts_are_taken_out_as_words():
    """A prompt of one word does not shred the other words."""
    assert scrub_error("a cat is no category: cat", "cat") == "a [prompt] is no category: [prompt]"
    assert scrub_error("nothing to see", "  ") == "nothing to see"
    assert scrub_error("nothing to see", None) == "nothing to see"


def test_a_prompt_of_one_letter_repeated_is_taken_out():
    """Many equal runs are no reason to be slow, nor to miss one."""
    assert "aaaaaaaaaaaaaaaaaaaa" not in scrub_error("x" + "a" * 500, "a" * 30_000)
