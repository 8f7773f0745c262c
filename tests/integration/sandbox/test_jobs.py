"""What a client of the Videos API does with jobs, over plain HTTP."""

BORN_S = 1_800_000_000


def test_a_job_is_the_whole_video_object(http, clock):
    """Every field of the object, with its type, at each state of the frozen clock."""
    made = http.post("/videos", json={"prompt": "a cat", "model": "sora-2-pro", "seconds": 8})
    queued = {
        "id": made.json()["id"],
        "object": "video",
        "created_at": BORN_S,
        "status": "queued",
        "completed_at": None,
        "error": None,
        "expires_at": None,
        "model": "sora-2-pro",
        "progress": 0,
        "prompt": "a cat",
        "remixed_from_video_id": None,
        "seconds": "8",
        "size": "720x1280",
    }
    assert made.status_code == 200
    assert made.json() == queued

    url = f"/videos/{queued['id']}"
    assert http.get(url).json() == queued
    clock.move(1.05)
    assert http.get(url).json() == queued | {"status": "in_progress", "progress": 50}
    assert http.get(url).json() == queued | {"status": "in_progress", "progress": 50}
    clock.move(0.75)
    done = {"completed_at": BORN_S + 1, "expires_at": BORN_S + 86_401}
    assert http.get(url).json() == queued | {"status": "completed", "progress": 100} | done


def test_every_answer_is_signed(http, finished):
    """Answers carry a request id and a time; a status also says when to ask again."""
    status = http.get(f"/videos/{finished}")
    refused = http.get("/videos/video_none")
    for answer in (status, refused):
        assert answer.headers["x-request-id"].startswith("req_")
        assert int(answer.headers["openai-processing-ms"]) >= 0
    assert status.headers["x-request-id"] != refused.headers["x-request-id"]
    assert status.headers["openai-poll-after-ms"] == "250"


def test_the_list_has_pages(error_of, http, clock):
    """The newest first, `after` and `limit` walk on, `order=asc` turns it round."""
    ids = [http.post("/videos", json={"prompt": str(i)}).json()["id"] for i in range(5)]
    clock.move(5)
    first = http.get("/videos", params={"limit": 2}).json()
    assert first["object"] == "list"
    assert [video["id"] for video in first["data"]] == [ids[4], ids[3]]
    assert [video["status"] for video in first["data"]] == ["completed"] * 2
    assert (first["first_id"], first["last_id"], first["has_more"]) == (ids[4], ids[3], True)
    rest = http.get("/videos", params={"after": ids[3]}).json()
    assert [video["id"] for video in rest["data"]] == [ids[2], ids[1], ids[0]]
    assert rest["has_more"] is False
    oldest = http.get("/videos", params={"limit": 1, "order": "asc"}).json()
    assert [video["id"] for video in oldest["data"]] == [ids[0]]
    for query in ({"limit": "101"}, {"limit": "x"}, {"order": "up"}, {"after": "video_x"}):
        assert error_of(http.get("/videos", params=query))[:2] == (400, next(iter(query)))


def test_an_empty_list(http):
    """No jobs: no ids, no more."""
    assert http.get("/videos").json() == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


def test_a_deleted_video_is_gone(error_of, http, sandbox, finished):
    """Status, content and a second deletion answer 404; the sandbox still shows the job."""
    url = f"/videos/{finished}"
    assert http.delete(url).json() == {"id": finished, "object": "video.deleted", "deleted": True}
    for answer in (http.get(url), http.get(f"{url}/content"), http.delete(url)):
        assert error_of(answer) == (404, "video_id", None)
    assert [job.deleted for job in sandbox.jobs] == [True]


def test_a_remix_inherits(error_of, http, sandbox, finished):
    """A remix has its own prompt, and the model, length and size of its source."""
    remix = http.post(f"/videos/{finished}/remix", json={"prompt": "a dog"}).json()
    wanted = {"prompt": "a dog", "seconds": "2", "size": "160x96", "model": "sora-2"}
    assert remix | wanted == remix
    assert remix["remixed_from_video_id"] == finished
    assert error_of(http.post(f"/videos/{finished}/remix", json={}))[:2] == (400, "prompt")
    running = http.post(f"/videos/{remix['id']}/remix", json={"prompt": "a cow"})
    assert error_of(running) == (400, "video_id", "video_not_ready")
    assert error_of(http.post("/videos/video_x/remix", json={"prompt": "x"}))[0] == 404


def test_edits_and_extensions_start_from_a_video(error_of, http, sandbox, finished):
    """A finished video or an uploaded one; an extension counts the stitched total."""
    source = {"id": finished}
    edit = http.post("/videos/edits", json={"prompt": "bluer", "video": source}).json()
    assert (edit["seconds"], edit["size"], edit["remixed_from_video_id"]) == ("2", "160x96", None)
    longer = {"prompt": "more", "video[id]": finished, "seconds": "4"}
    assert http.post("/videos/extensions", data=longer).json()["seconds"] == "6"
    file = {"video": ("a.mp4", http.get(f"/videos/{finished}/content").content, "video/mp4")}
    uploaded = http.post("/videos/edits", data={"prompt": "redder"}, files=file).json()
    assert (uploaded["seconds"], uploaded["size"]) == ("2", "160x96")
    assert [(str(job.operation), job.source_id) for job in sandbox.jobs[1:]] == [
        ("edit", finished),
        ("extend", finished),
        ("edit", None),
    ]
    described = sandbox.requests[-1].fields["video"]
    assert (described["filename"], described["bytes"]) == ("a.mp4", len(file["video"][1]))
    broken = http.post("/videos/edits", data={"prompt": "x"}, files={"video": b"no video"})
    assert error_of(broken)[:2] == (400, "video")
    no_seconds = http.post("/videos/extensions", json={"prompt": "x", "video": source})
    assert error_of(no_seconds)[:2] == (400, "seconds")


def test_a_character_is_a_named_upload(error_of, http, finished):
    """A character comes from a video file and can be read back."""
    file = {"video": ("a.mp4", http.get(f"/videos/{finished}/content").content, "video/mp4")}
    made = http.post("/videos/characters", data={"name": "Tom"}, files=file).json()
    assert made == {"id": made["id"], "name": "Tom", "created_at": BORN_S + 1}
    assert http.get(f"/videos/characters/{made['id']}").json() == made
    assert error_of(http.get("/videos/characters/char_x"))[:2] == (404, "character_id")
    assert error_of(http.post("/videos/characters", data={"name": "Tom"}))[:2] == (400, "video")
    assert error_of(http.post("/videos/characters", files=file))[:2] == (400, "name")
