import io
from decimal import Decimal
from types import MappingProxyType

import pytest

from vidobs.core.calls import Attribution, Operation, VideoCall, VideoRequest
from vidobs.core.capture import CapturePolicy, Content, Fingerprint
from vidobs.dialects.openai import CallContext, read_call, route

FINGERPRINT = Fingerprint(b"key")
CONTEXT = CallContext(
    provider="openai",
    dialect="openai",
    policy=CapturePolicy(),
    fingerprint=FINGERPRINT,
    server_address="api.openai.com",
    server_port=443,
)
BODY = {"prompt": "A cat", "model": "sora-2", "seconds": "8", "size": "720x1280"}
PICTURE = ("input_reference", ("cat.png", b"\x89PNG", "image/png"))


def call_of(path, body=None, files=None, query=None, **context):
    """Read a call as the SDK would send it."""
    method = "post" if body is not None or files else "get"
    known = CallContext(
        **{name: getattr(CONTEXT, name) for name in CONTEXT.__struct_fields__} | context
    )
    return read_call(route(method, path), body, files, query, context=known)


def test_a_create_is_read_whole():
    """Every field of the call, and nothing of the prompt but its length and a fingerprint."""
    call = read_call(
        route("post", "/videos"),
        BODY,
        [],
        {},
        context=CONTEXT,
        idempotency_key="key-1",
        attribution=Attribution(user="ann"),
    )

    assert call == VideoCall(
        operation=Operation.CREATE,
        provider="openai",
        dialect="openai",
        model="sora-2",
        request=VideoRequest(seconds=Decimal(8), size="720x1280", prompt_chars=5),
        request_hash=FINGERPRINT.request_hash(BODY),
        prompt_hash=FINGERPRINT.prompt_hash("A cat"),
        idempotency_key="key-1",
        server_address="api.openai.com",
        server_port=443,
        attribution=Attribution(user="ann"),
    )


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (Content.NONE, None),
        (Content.HASH, f"hmac:{FINGERPRINT.prompt_hash('A cat')}"),
        (Content.FULL, "A cat"),
    ],
)
def test_the_policy_decides_about_the_prompt(content, kept):
    """It works at the door: the call that leaves it has no more than that."""
    assert call_of("/videos", BODY, policy=CapturePolicy(content=content)).prompt == kept


@pytest.mark.parametrize(
    ("path", "query", "operation", "video_id", "variant"),
    [
        ("/videos/v", None, Operation.RETRIEVE, "v", None),
        ("/videos", {"limit": 2}, Operation.LIST, None, None),
        ("/videos/v/content", {"variant": "thumbnail"}, Operation.DOWNLOAD, "v", "thumbnail"),
        ("/videos/v/content", {}, Operation.DOWNLOAD, "v", None),
        ("/videos/v/content?variant=a", {"variant": "b"}, Operation.DOWNLOAD, "v", "b"),
        ("/videos/v/content?variant=a", None, Operation.DOWNLOAD, "v", "a"),
    ],
)
def test_calls_about_a_video_carry_its_id(path, query, operation, video_id, variant):
    """A poll has no request, no fingerprint and no key."""
    assert call_of(path, query=query) == VideoCall(
        operation=operation,
        provider="openai",
        dialect="openai",
        video_id=video_id,
        variant=variant,
        server_address="api.openai.com",
        server_port=443,
    )


@pytest.mark.parametrize(
    ("path", "body", "video_id"),
    [
        ("/videos/video%201/remix", {"prompt": "x"}, "video 1"),
        ("/videos/edits", {"prompt": "x", "video": {"id": "video_1"}}, "video_1"),
        ("/videos/extensions", {"prompt": "x", "video": {"id": "video_1"}}, "video_1"),
        ("/videos/extensions", {"prompt": "x", "video[id]": "video_1"}, "video_1"),
        ("/videos/edits", {"prompt": "x"}, None),
        ("/videos/edits", {"prompt": "x", "video": "data:"}, None),
    ],
)
def test_the_source_of_a_video_is_known(path, body, video_id):
    """From the path, or from the body as JSON or as a form has it."""
    assert call_of(path, body).video_id == video_id


@pytest.mark.parametrize(
    ("extra", "files", "images"),
    [
        ({}, [PICTURE], 1),
        ({}, [("input_reference", b"\x89PNG")], 1),
        ({}, {"input_reference": ("cat.png", b"x")}, 1),
        ({}, [("input_reference[]", b"a"), ("input_reference[]", b"b")], 2),
        ({}, [("input_reference", ("a.mp4", b"x"))], 0),
        ({}, [("input_reference", ("a", b"x", "video/mp4"))], 0),
        ({}, [("video", b"x")], 0),
        ({"input_reference": {"image_url": "https://h/a.png"}}, [], 1),
        ({"input_reference": {"image_url": "data:video/mp4;base64,AA"}}, [], 0),
        ({"input_reference": {"file_id": "file-1"}}, None, 1),
        ({"input_reference[image_url]": "https://h/a.png"}, None, 1),
        ({"input_references": [{"image_url": "a"}, {"image_url": "b"}]}, [], 2),
        ({"image_reference": '{"image_url": "https://h/a.png"}'}, [], 1),
        ({"input_reference": None, "input_references": []}, [], 0),
        ({"input_reference": {}}, [PICTURE], 1),
    ],
)
def test_reference_images_are_counted(extra, files, images):
    """In every form in which they are sent; videos are none."""
    assert call_of("/videos", {**BODY, **extra}, files).request.input_images == images


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"seconds": 12, "size": "1x2"}, VideoRequest(seconds=Decimal(12), size="1x2")),
        ({"seconds": 2.5}, VideoRequest(seconds=Decimal("2.5"))),
        ({"seconds": "0"}, VideoRequest()),
        ({"seconds": "many", "size": ["x"]}, VideoRequest()),
        ({"seconds": -4}, VideoRequest()),
        ({"seconds": True}, VideoRequest()),
        ({"duration": 5, "resolution": "720p"}, VideoRequest(seconds=Decimal(5), size="720p")),
        ({"width": 1280, "height": "720"}, VideoRequest(size="1280x720")),
        (
            {"num_frames": "81", "fps": "16"},
            VideoRequest(seconds=Decimal("5.062"), fps=Decimal(16)),
        ),
        ({"num_frames": 81}, VideoRequest()),
        ({"generate_audio": "false", "n": "2"}, VideoRequest(audio=False, n=2)),
        ({"generate_sound": True, "n": 0}, VideoRequest(audio=True)),
        ({"input_seconds": 3}, VideoRequest(input_seconds=Decimal(3))),
    ],
)
def test_requests_of_other_servers_are_understood(body, expected):
    """Numbers may come as text, lengths as frames, sizes as two figures; nonsense is unknown."""
    assert call_of("/videos", body).request == expected


@pytest.mark.parametrize("body", [None, b"raw", "text", [1], 7])
def test_a_body_that_is_no_object_counts_as_empty(body):
    """Whatever the caller sends, reading it does not fail."""
    call = read_call(route("post", "/videos"), body, None, None, context=CONTEXT)

    assert (call.prompt_hash, call.request) == (None, VideoRequest())


def test_the_way_a_form_is_cut_does_not_change_the_fingerprint():
    """Field order, mapping types and file names do not count; contents and sources do."""

    def of(path="/videos", body=BODY, files=(PICTURE,)):
        return call_of(path, body, files).request_hash

    same = ("input_reference", ("other-name.png", b"\x89PNG", "image/png"))
    other = ("input_reference", ("cat.png", b"\x89PNH", "image/png"))
    assert of() == of(files=(same,)) == of(files=dict([PICTURE]))
    assert of() == of(body=MappingProxyType(dict(reversed(BODY.items()))))
    assert len({of(), of(files=(other,)), of(files=()), of("/videos/edits")}) == 4
    remixes = {of(f"/videos/{name}/remix", {"prompt": "x"}, ()) for name in "ab"}
    assert len(remixes) == 2


def test_an_uploaded_stream_is_left_alone():
    """Where it stands afterwards is where it stood before."""
    stream = io.BytesIO(b"0123456789")
    stream.seek(3)

    call = call_of("/videos", BODY, [("input_reference", ("a.png", stream, "image/png"))])

    assert (call.request.input_images, stream.tell()) == (1, 3)


def test_a_character_is_no_job():
    """It is observed as a call, with its upload in the fingerprint."""
    call = call_of("/videos/characters", {"name": "Tom"}, [("video", b"x")])

    assert call.operation is Operation.CHARACTER
    assert not call.operation.creates_job


@pytest.mark.parametrize(
    ("path", "provider", "address", "model"),
    [
        ("/videos", "openai", "api.openai.com", "sora-2"),
        ("/videos", "azure", "res.openai.azure.com", "sora-2"),
        ("/videos", "openai", "127.0.0.1", None),
        ("/videos", "azure", "127.0.0.1", None),
        ("/videos", "other", "api.openai.com", None),
        ("/videos/video_1/remix", "openai", "api.openai.com", None),
    ],
)
def test_a_create_without_a_model_gets_the_documented_one(path, provider, address, model):
    """Only where the host is known to have one; a remix is made by the model of its source."""
    call = call_of(path, {"prompt": "x"}, provider=provider, server_address=address)

    assert call.model == model
