"""The official client cannot tell the gateway from OpenAI."""

import asyncio
import hashlib
import io

import openai
import pytest
from PIL import Image

from vidobs.core.jobs import AssetState, JobState


def test_a_video_is_made_followed_and_fetched(gateway):
    """Create, poll and download give a whole file, and one job with one trace and one cost."""
    with gateway.client() as client:
        made = client.videos.create(model="my-sora", prompt="a cat", seconds="4", size="720x1280")
        assert (made.model, made.status, made.seconds) == ("my-sora", "queued", "4")
        done = client.videos.poll(made.id)
        assert (done.status, done.id, done.progress) == ("completed", made.id, 100)
        content = client.videos.download_content(made.id).read()
    assert content[4:8] == b"ftyp"
    gateway.stop()  # which lets requests end
    (job,) = gateway.jobs()
    assert (job.state, job.asset) == (JobState.COMPLETED, AssetState.DOWNLOADED)
    assert (job.cost.status, str(job.cost.usd)) == ("settled", "0.4")
    assert job.tags["key"] == "master"
    assert job.tags["model"] == "my-sora"


async def make_async(gateway):
    """Make a video with the async client."""
    async with gateway.async_client() as client:
        made = await client.videos.create_and_poll(model="my-sora", prompt="a cat", seconds="4")
        content = await client.videos.download_content(made.id)
        return made, await content.aread()


def test_the_async_client_is_served_alike(gateway):
    """`create_and_poll` and a download, awaited."""
    made, content = asyncio.run(make_async(gateway))
    assert made.status == "completed"
    assert content[4:8] == b"ftyp"


def test_what_is_made_of_a_video_names_it(gateway):
    """A remix, an edit and an extension know their source by the id that clients have."""
    with gateway.client() as client:
        made = client.videos.create_and_poll(model="my-sora", prompt="a cat", seconds="4")
        remixed = client.videos.remix(made.id, prompt="a dog")
        assert remixed.remixed_from_video_id == made.id
        source = {"video": {"id": made.id}}
        edited = client.videos.edit(prompt="a bird", video=openai.omit, extra_body=source)
        extended = client.videos.extend(
            prompt="on", seconds="4", video=openai.omit, extra_body=source
        )
        assert len({made.id, remixed.id, edited.id, extended.id}) == 4
    jobs = {job.operation.value: job for job in gateway.jobs()}
    parent = jobs["create"].provider_job_id
    assert {jobs[name].parent_id for name in ("remix", "edit", "extend")} == {parent}


def test_a_picture_to_start_from_arrives_as_it_was(gateway, sandbox):
    """A file of a form is passed on with its name, its type and every byte."""
    picture = io.BytesIO()
    Image.new("RGB", (720, 1280), "red").save(picture, "PNG")
    png = picture.getvalue()
    with gateway.client() as client:
        client.videos.create(
            model="my-sora",
            prompt="a cat",
            size="720x1280",
            input_reference=("cat.png", io.BytesIO(png), "image/png"),
        )
    sent = sandbox.requests[0].fields["input_reference"]
    assert (sent["filename"], sent["content_type"]) == ("cat.png", "image/png")
    assert sent["sha256"] == hashlib.sha256(png).hexdigest()


def test_lists_show_what_the_key_has_made(gateway):
    """The newest first, in pages, with the ids that creates returned."""
    with gateway.client() as client:
        ids = [client.videos.create(model="my-sora", prompt=f"cat {n}").id for n in range(3)]
        page = client.videos.list(limit=2)
        assert [video.id for video in page.data] == [ids[2], ids[1]]
        assert page.has_more
        assert [video.id for video in client.videos.list(limit=2)] == ids[::-1]
        assert [video.id for video in client.videos.list(order="asc")] == ids


def test_a_deleted_video_is_gone(gateway):
    """Deleting answers as OpenAI does, and the id leads nowhere afterwards."""
    with gateway.client() as client:
        made = client.videos.create_and_poll(model="my-sora", prompt="a cat")
        gone = client.videos.delete(made.id)
        assert (gone.id, gone.object, gone.deleted) == (made.id, "video.deleted", True)
        with pytest.raises(openai.NotFoundError):
            client.videos.retrieve(made.id)
        assert list(client.videos.list()) == []


def test_errors_are_those_of_the_client(gateway):
    """No key, a wrong model, no prompt and an unknown id raise what users expect."""
    with gateway.client(key="sk-wrong") as client, pytest.raises(openai.AuthenticationError):
        client.videos.create(model="my-sora", prompt="a cat")
    with gateway.client() as client:
        with pytest.raises(openai.BadRequestError, match="my-sora") as refused:
            client.videos.create(model="sora-9", prompt="a cat")
        assert refused.value.code == "model_not_found"
        with pytest.raises(openai.NotFoundError):
            client.videos.retrieve("video_nobody_knows")
    assert gateway.jobs() == []


def test_characters_and_edits_of_uploads(gateway, sandbox):
    """A character has an id of ours, and a video that shows it goes to the server that knows it.

    An upload that is edited goes to the model that is named, without one to the only one.
    """
    with gateway.client() as client:
        source = client.videos.create_and_poll(model="my-sora", prompt="a cat", seconds="4")
        clip = ("cat.mp4", client.videos.download_content(source.id).read(), "video/mp4")
        more = {"target_model_names": "my-sora"}
        tom = client.videos.create_character(name="Tom", video=clip, extra_body=more).id
        assert client.videos.get_character(tom).id == tom
        shown = {"characters": [{"id": tom}]}
        client.videos.create(model="my-sora", prompt="a cat", extra_body=shown)
        with pytest.raises(openai.NotFoundError):
            client.videos.get_character(tom[:-4] + "AAAA")
        assert client.videos.edit(prompt="a bird", video=clip).model == "my-sora"
    made, asked, used, edited = [
        each for each in sandbox.requests if each.method == "POST" or "char_" in each.path
    ][1:]
    assert made.fields.keys() == {"name", "video"}
    assert used.fields["characters"] == [{"id": asked.path.rpartition("/")[2]}]
    assert edited.fields["video"]["filename"] == "cat.mp4"
