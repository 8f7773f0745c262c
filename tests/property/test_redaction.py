"""No canary gets through, wherever it stands, and scrubbing twice is scrubbing once."""

import json

from hypothesis import assume, example, given
from hypothesis import strategies as st

from vidobs.core.capture import CapturePolicy, Fingerprint
from vidobs.core.quotes import PIECE, without
from vidobs.core.scrub import LIMIT, scrub, scrub_error, scrub_text
from vidobs.dialects.openai import CallContext, read_call, rejected, route

CANARY = "cAnAry0Zq7"
pieces = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            *("sk-", "Bearer ", "basic ", "authorization", "api_key", "token", "sig", "cookie"),
            *("https://", "data:", "base64,", "eyJ", ".", "?", "#", "@", "/", ":", "=", "'", '"'),
            *("\\", "\\n", "\\u0026", "\\x00", "\n", "\x00", "\u202e", "[secret]", "[", "]", ","),
            *("A" * 64, "A" * 256, "…", " ", "[data: 3 bytes]", "://", "\\/", "AKIA", "key"),
        ]
    ),
)
texts = st.lists(pieces, max_size=12).map("".join)
quoting = st.sampled_from([str, repr, json.dumps, lambda text: json.dumps(json.dumps(text))])
# What ends a word, so that a key behind it is a word of its own.
breaks = st.sampled_from(["", " ", "\n", "\t", "\r\n", "'", '"', "(", "=", ":", ",", ";", "&", "{"])


@given(texts, st.sampled_from([8, 40, 300, LIMIT]))
@example("authorization: Bearer x\ny", 300)
def test_scrubbing_twice_is_scrubbing_once(text, limit):
    """What was scrubbed at one door passes the next one unchanged."""
    once = scrub(text, limit)

    assert scrub(once, limit) == once
    assert scrub_text(scrub_text(text, limit), limit) == scrub_text(text, limit)


@given(texts, st.integers(min_value=1, max_value=LIMIT))
def test_a_scrubbed_text_is_one_short_printable_line(text, limit):
    """No control character, no bidirectional mark, no lone surrogate, and never too long."""
    clean = scrub(text, limit)

    assert len(clean) <= limit
    assert clean.encode().decode() == clean
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in clean)
    assert not set("\u2028\u2029\u202a\u202e\u2066\u2069\u200f") & set(clean)


secrets = st.sampled_from(
    [
        f"sk-{CANARY}",
        f"sk-proj-{CANARY}",
        f"pk-lf-{CANARY}",
        f"lsv2_pt_{CANARY}",
        f"whsec_{CANARY}",
        f"Bearer {CANARY}",
        f"Basic {CANARY}",
        f"api-key: {CANARY}",
        f"api_key={CANARY}",
        f"'authorization': '{CANARY}'",
        f"https://user:{CANARY}@host/path",
        f"https://host/path?sig={CANARY}",
        f"https://host/path?a=b&sig={CANARY}#x",
        f"https://host/path#{CANARY}",
        f"data:image/png;base64,{CANARY}",
        f"eyJ{CANARY}.{CANARY}.{CANARY}",
        CANARY * 26,
        f"AIza{CANARY}{CANARY}",
        f"password={CANARY}",
        f'"token": "{CANARY}"',
        f"x-amz-signature={CANARY}",
    ]
)


surrounded = st.tuples(texts, breaks, secrets, breaks, texts)


@given(surrounded, quoting)
def test_no_secret_gets_through_in_any_surroundings(parts, quote):
    """Whatever stands around it, and however often the text was quoted."""
    before, left, *_ = parts
    assume(left or not before or not before[-1].isalnum())
    text = quote("".join(parts))

    assert CANARY not in scrub(text)
    assert CANARY not in scrub_text(text, 32 * 1024)


prompts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=PIECE, max_size=200
).filter(lambda prompt: len(prompt.strip()) >= PIECE)
escapes = st.sampled_from([str, str.upper, lambda x: repr(x)[1:-1], lambda x: json.dumps(x)[1:-1]])


@given(prompts, st.text(max_size=40), st.text(max_size=40), escapes)
def test_no_quoted_prompt_gets_through(prompt, before, after, escape):
    """However it was escaped, 20 characters of the prompt in a row are never left."""
    quoted = escape(prompt)
    assume(len(quoted) == len(prompt) or escape is not str.upper)  # ß becomes SS
    message = without(f"{before} {quoted} {after}", prompt)

    stripped = prompt.strip()
    assert not any(stripped[at : at + PIECE] in message for at in range(len(stripped) - PIECE + 1))


@given(prompts, st.integers(0, 180), st.integers(PIECE, 200), st.text(max_size=20))
def test_no_long_piece_of_a_prompt_gets_through(prompt, start, length, around):
    """Providers quote from the middle, too."""
    prompt = prompt.strip()
    piece = prompt[start : start + length]
    assume(len(piece) >= PIECE)

    assert piece not in without(f"{around}{piece}{around}", prompt)


@given(prompts, st.sampled_from([400, 403, 422, 429, 500]))
def test_a_refusal_does_not_tell_the_prompt(prompt, status):
    """An error that quotes prompt and key keeps neither."""
    body = {"error": {"message": f"{prompt!r} refused for sk-{CANARY}", "code": "bad_prompt"}}
    snapshot = rejected(status, json.dumps(body).encode(), prompt=prompt)

    assert prompt not in snapshot.error.message
    assert CANARY not in snapshot.error.message
    assert scrub_error(snapshot.error.message, prompt) == snapshot.error.message


FIELDS = st.sampled_from(
    [
        "prompt",
        "input_reference",
        "image",
        "metadata",
        "extra_params",
        "seed",
        "characters",
        "video",
    ]
)
NESTED = st.recursive(
    st.just(CANARY), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(FIELDS, inner)
)


@given(
    st.dictionaries(FIELDS, NESTED, min_size=1),
    st.sampled_from(["none", "hash"]),
    st.sampled_from(["/videos", "/videos/video_1/remix", "/videos/characters"]),
)
def test_no_content_of_a_call_gets_past_the_door(body, content, path):
    """Without `full`, whatever is sent, the call that vidobs keeps has none of it."""
    context = CallContext(
        provider="openai",
        dialect="openai",
        policy=CapturePolicy.parse(content),
        fingerprint=Fingerprint(b"key"),
    )
    files = [("input_reference", (f"{CANARY}.png", CANARY.encode(), "image/png"))]
    call = read_call(route("post", path), body, files, {}, context=context)

    assert CANARY not in repr(call)
