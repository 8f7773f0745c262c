"""What one dialect has and another has not: cancelling, traces, references, keys, redirects."""

import json
from contextlib import contextmanager

import httpx
import openai
import pytest
from ways_kit import ASKED, KEY, plain_http, ways

import vidobs
from vidobs import exceptions
from vidobs.dialects.rows import Variant
from vidobs.dialects.variants import VARIANTS

CANCEL = ("vllm-omni", "sglang")
STUCK = "A tram [[fault:stuck]]"
URL = "https://pictures.example/a.png"


@contextmanager
def client_of(dialect, server, **given):
    """Have our client of a played server."""
    with plain_http() as http:
        yield vidobs.Client(
            **{"base_url": server.base_url, "api_key": KEY, **given},
            dialect=dialect,
            http_client=http,
        )


# -- cancelling and deleting -----------------------------------------------------------------------


@ways("client", "functions", dialects=CANCEL)
def test_a_running_job_is_cancelled(way, seen):
    """It is gone from the server, and over in the ledger; its GPU time is paid for, unknown."""
    its_id = way.create(prompt=STUCK)
    if way.how == "client":
        stopped = way.made(way.videos.cancel(its_id))
    else:
        stopped = way.call("video_cancel", its_id)
        assert stopped.id == its_id

    assert stopped.status == "cancelled"
    [job] = seen.jobs
    assert (job.state, job.cost.status, job.cost.usd) == ("cancelled", "unknown", None)
    with pytest.raises(exceptions.NotFoundError):
        way.wait(its_id)


@pytest.mark.parametrize("dialect", CANCEL)
def test_a_job_that_has_ended_is_not_cancelled(dialect, servers, seen):
    """Its file was paid for: cancelling never deletes it."""
    with client_of(dialect, servers(dialect)) as client:
        made = client.videos.create(**ASKED)
        client.videos.wait(made.id, poll_interval=0.001)
        with pytest.raises(exceptions.ConflictError, match="is completed already"):
            client.videos.cancel(made.id)
        assert client.videos.download(made.id).size_bytes


@pytest.mark.parametrize("dialect", [name for name in VARIANTS if name not in CANCEL])
def test_where_nothing_can_be_cancelled_nothing_is_sent(dialect, servers, seen):
    """The error says which servers can."""
    server = servers(dialect)
    before = len(server.requests)
    with (
        client_of(dialect, server) as client,
        pytest.raises(vidobs.ConfigError, match=r"cannot stop a job \(those .* sglang, vllm-omni"),
    ):
        client.videos.cancel("video_1")

    assert len(server.requests) == before


@pytest.mark.parametrize("dialect", VARIANTS)
def test_what_a_server_lacks_is_said(dialect, servers, seen):
    """The server's refusal, and that others of its kind refuse as well."""
    lacks = VARIANTS[dialect].lacks
    with client_of(dialect, servers(dialect)) as client:
        made = client.videos.create(**ASKED)
        calls = {
            "list": (list, client.videos.list()),
            "delete": (client.videos.delete, made.id),
        }
        for operation, (call, given) in calls.items():
            if operation in lacks:
                with pytest.raises(exceptions.APIError, match=f"{dialect}' cannot {operation}"):
                    call(given)
            else:
                assert call(given)


# -- traces ----------------------------------------------------------------------------------------


@ways("client", "functions", "openai", dialects=["sglang"])
def test_the_servers_spans_go_under_those_of_the_job(way, seen):
    """Every request carries the trace of its job, so that the server's own spans join it."""
    before = len(way.server.requests)
    its_id = way.create()
    way.wait(its_id)
    way.download(its_id)

    [job] = seen.jobs
    sent = [request.headers["traceparent"] for request in way.server.requests[before:]]
    assert len(sent) >= 3
    assert set(sent) == {job.trace.traceparent}


def test_a_trace_that_the_caller_names_stays(servers, seen):
    """Whoever set it knows better."""
    own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    extras = vidobs.Extras(headers={"traceparent": own})
    server = servers("sglang")
    with client_of("sglang", server) as client:
        client.videos.create(**ASKED, extras=extras)

    assert server.requests[-1].headers["traceparent"] == own


@ways("client", dialects=["openai", "vllm-omni"], kinds=["sync"])
def test_other_servers_get_no_trace(way):
    """They would make nothing of it."""
    way.create()

    assert "traceparent" not in way.server.requests[-1].headers


def test_a_wrapped_httpx_client_passes_the_trace_on(servers, seen):
    """The same for a program that speaks the protocol by itself."""
    server = servers("sglang")
    before = len(server.requests)
    with httpx.Client(base_url=server.base_url) as http:
        vidobs.wrap(http, dialect="sglang")
        made = http.post("/videos", json=ASKED).json()
        http.get(f"/videos/{made['id']}")

    [job] = seen.jobs
    sent = {request.headers["traceparent"] for request in server.requests[before:]}
    assert sent == {job.trace.traceparent}


# -- what is sent ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "name", "value"),
    [
        ("openai", "input_reference", {"image_url": URL}),
        ("vllm-omni", "image_reference", json.dumps({"image_url": URL}, separators=(",", ":"))),
        ("sglang", "reference_url", URL),
        ("new-api", "input_reference", URL),
    ],
)
def test_a_picture_by_its_address_goes_where_the_server_reads_it(
    dialect, name, value, servers, seen
):
    """The caller writes it the same way for all of them."""
    server = servers(dialect)
    with client_of(dialect, server) as client:
        client.videos.create(**ASKED, input_reference=URL)

    assert server.requests[-1].fields[name] == value
    assert seen.jobs[0].request.input_images == 1


def test_objects_go_to_vllm_omni_as_text(servers, seen):
    """In a form; and so that it finds them."""
    server = servers("vllm-omni")
    with client_of("vllm-omni", server) as client:
        client.videos.create(**ASKED, extra_params={"cfg": 1.5}, seed=7)

    sent = server.requests[-1]
    assert sent.headers["content-type"].startswith("multipart/form-data")
    assert (sent.fields["extra_params"], sent.fields["seed"]) == ('{"cfg":1.5}', "7")


def test_a_gateway_is_told_the_provider_that_was_named(servers, seen):
    """Jobs are filed under it, and priced; by default the proxy itself is the provider."""
    server = servers("litellm")
    for provider in ("azure", None):
        with client_of("litellm", server, provider=provider) as client:
            client.videos.create(**ASKED)

    told = [request.headers.get("custom-llm-provider") for request in server.requests[-2:]]
    assert told == ["azure", None]
    assert [job.provider for job in seen.jobs] == ["azure", "litellm_proxy"]


def test_the_id_of_a_proxy_stays_the_one_of_the_create(servers, seen):
    """The proxy's later ones do not say which deployment to ask; the ledger has the plain one."""
    server = servers("litellm")
    with client_of("litellm", server) as client:
        made = client.videos.create(**ASKED)
        asked = client.videos.retrieve(made.id)

    assert asked.id == made.id
    assert asked.raw["id"] != made.id
    assert seen.jobs[0].provider_job_id == server.jobs[-1].id


def test_an_id_of_a_proxy_is_its_own_whomever_it_names(variables, seen):
    """`custom_llm_provider` says that the proxy made it."""
    server = variables("litellm")
    with client_of("litellm", server) as client:
        made = client.videos.create(**ASKED)
    found = vidobs.video_status(made.id, custom_llm_provider="litellm_proxy")

    assert vidobs.video_status(found.id).id == found.id
    assert len(seen.jobs) == 1


# -- keys ------------------------------------------------------------------------------------------


def test_azure_takes_a_key_a_token_or_a_provider_of_tokens(servers, seen, monkeypatch):
    """A key in its own header; a token as a bearer, asked for each time."""
    server = servers("azure")
    tokens = iter(["one", "two"])
    given = {"base_url": server.azure_url, "query": {"api-version": "preview"}}
    monkeypatch.delenv("AZURE_API_KEY", raising=False)
    monkeypatch.setenv("AZURE_AD_TOKEN", "three")
    for key, headers in (
        (KEY, ["api-key"]),
        (lambda: next(tokens), ["authorization"]),
        (None, ["authorization"]),
    ):
        with client_of("azure", server, api_key=key, **given) as client:
            client.videos.create(**ASKED)
        sent = server.requests[-1]
        assert [name for name in ("api-key", "authorization") if name in sent.headers] == headers
        assert (sent.path, sent.query) == ("/openai/v1/videos", "api-version=preview")


def test_azures_filter_is_a_content_policy_violation(servers, seen):
    """Whatever it is called there."""
    with (
        client_of("azure", servers("azure")) as client,
        pytest.raises(exceptions.ContentPolicyViolationError) as caught,
    ):
        client.videos.create(**{**ASKED, "prompt": "A tram [[fault:moderation_input]]"})

    assert caught.value.response.json()["error"]["innererror"]["code"] == (
        "ResponsibleAIPolicyViolation"
    )
    assert seen.jobs[0].reason == "moderation_input"


def test_a_base_address_with_a_path_is_read_as_litellm_reads_it():
    """`HOSTED_VLLM_API_BASE` may end before /v1."""
    for given in ("http://h:8000", "http://h:8000/v1", "http://h:8000/v1/"):
        assert vidobs.Client(base_url=given, dialect="vllm-omni").server.base_url == (
            "http://h:8000/v1"
        )
    prefixed = vidobs.Client(base_url="http://h/omni", dialect="vllm-omni").server.base_url
    assert prefixed == "http://h/omni/v1"


# -- downloads from elsewhere ----------------------------------------------------------------------


@ways("client", "functions", dialects=["openai", "sglang"])
def test_a_file_that_is_elsewhere_is_fetched_without_the_key(way, seen):
    """By a redirect, or by an error that names the address; keys stay at home."""
    its_id = way.create(prompt="A tram [[fault:stored_elsewhere]]")
    way.wait(its_id)
    data = way.download(its_id)

    assert data[4:8] == b"ftyp"
    there = way.server.requests[-1]
    assert there.path.startswith("/stored/")
    assert not {"authorization", "api-key"} & set(there.headers)
    [job] = seen.jobs
    assert (job.asset, job.file.complete) == ("downloaded", True)


def test_an_error_of_another_dialect_is_no_address(servers, seen):
    """Only a server that is known to do so may send a download on by an error."""
    server = servers("sglang")
    with client_of("openai", server) as client:
        made = client.videos.create(**{**ASKED, "prompt": "[[fault:stored_elsewhere]]"})
        client.videos.wait(made.id, poll_interval=0.001)
        with pytest.raises(exceptions.BadRequestError, match="uploaded to cloud storage"):
            client.videos.download(made.id)


# -- wrapped clients -------------------------------------------------------------------------------


def test_a_dialect_that_is_not_known_is_refused():
    """By `wrap` as by our own client, with the known ones."""
    for make in (
        lambda: vidobs.wrap(openai.OpenAI(api_key=KEY), dialect="vllm"),
        lambda: vidobs.Client(api_key=KEY, dialect="vllm"),
    ):
        with pytest.raises(vidobs.ConfigError, match="unknown dialect 'vllm'; known: 202"):
            make()


def test_a_provider_that_is_named_comes_before_that_of_the_dialect(servers, seen):
    """It is where prices are looked up."""
    server = servers("vllm-omni")
    with openai.OpenAI(base_url=server.base_url, api_key=KEY) as client:
        vidobs.wrap(client, dialect="vllm-omni", provider="self_hosted")
        client.videos.create(**ASKED)

    assert [(job.provider, job.dialect) for job in seen.jobs] == [("self_hosted", "vllm-omni")]


def test_a_row_of_your_own_is_a_dialect(servers, seen):
    """Without a place in vidobs."""
    mine = Variant(name="mine", provider="me", base_env=("ME_BASE",), key_env=("ME_KEY",))
    with client_of(mine, servers("openai")) as client:
        client.videos.create(**ASKED)

    assert [(job.provider, job.dialect) for job in seen.jobs] == [("me", "mine")]


def test_a_create_that_is_answered_with_the_file_is_a_job(servers, seen):
    """vLLM-Omni's `/videos/sync` through httpx: completed at once, at the price of its GPUs."""
    server = servers("vllm-omni")
    form = {name: (None, text) for name, text in ASKED.items()}
    with httpx.Client(base_url=server.base_url) as http:
        vidobs.wrap(http, dialect="vllm-omni")
        answer = http.post("/videos/sync", files=form)

    assert answer.content[4:8] == b"ftyp"
    [job] = seen.jobs
    assert (job.state, job.asset) == ("completed", "downloaded")
    assert job.provider_job_id == answer.headers["x-request-id"]
    assert (job.cost.status, float(job.cost.usd)) == ("settled", 0.005)
    assert set(job.usage.stage_s) == {"text_encode", "diffuse", "vae_decode"}
