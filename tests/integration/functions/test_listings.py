"""The listings of LiteLLM's documentation run on vidobs, with only the package's name changed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from front_kit import Front, certificate

import vidobs
from vidobs.ledger.reader import open_ledger
from vidobs.testing import Sandbox

SEEDS = sorted((Path(__file__).parents[4] / "shared" / "seeds").glob("*.txt"))
AZURE = "your-resource.openai.azure.com"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OWN = """
from litellm import video_generation, video_status, video_content
import litellm
import os
import time

os.environ["AZURE_OPENAI_API_KEY"] = "your-azure-api-key"
os.environ["AZURE_OPENAI_API_BASE"] = "https://your-resource.openai.azure.com/"
response = video_generation(model="azure/sora-2", prompt="Rain on a tin roof", seconds="4")
while video_status(video_id=response.id).status not in ("completed", "failed"):
    time.sleep(0.05)
with open("rain.mp4", "wb") as f:
    f.write(video_content(video_id=response.id))
litellm.video_remix(video_id="video_456", prompt="Snow instead", seconds="8")
try:
    blocked = {"x-sandbox-fault": "moderation_input"}
    video_generation(prompt="Rain", model="azure/sora-2", extra_headers=blocked)
except litellm.exceptions.BadRequestError as e:
    print(f"Bad request: {e}")
"""


def program(text):
    """Return the Python listings of a page as one program, in order; those of a proxy are none."""
    blocks = [block for block in _BLOCK.findall(text) if "base_url=" not in block]
    assert blocks
    return renamed("\n".join(blocks))


def renamed(code):
    """Change the package's name, and nothing else."""
    return re.sub(r"\blitellm\b", "vidobs", code)


def run(code, folder):
    """Run a program where its videos and its hosts are on this machine."""
    (folder / "path" / "to").mkdir(parents=True)
    (folder / "path" / "to" / "image.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(64))
    with Sandbox(time_scale=0.01) as sandbox:
        with vidobs.Client(base_url=sandbox.base_url, api_key="any") as client:
            made = client.videos.create(prompt="a cat", model="sora-2")
            client.videos.wait(made.id, poll_interval=0.01)
        port = int(sandbox.base_url.split(":")[2].split("/")[0])
        names = {"video_1234567890": made.id, "video_456": made.id}
        trusted = certificate(AZURE, folder)
        with (
            Front(port, names=names) as plain,
            Front(port, names=names, certificate=trusted) as proxy,
        ):
            ran = subprocess.run(
                [sys.executable, "-c", code],
                cwd=folder,
                env={
                    **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
                    "OPENAI_API_KEY": "any",
                    "OPENAI_BASE_URL": f"http://127.0.0.1:{plain.port}/v1",
                    "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}",
                    "NO_PROXY": "127.0.0.1",
                    "SSL_CERT_FILE": str(trusted),
                    "VIDOBS_LEDGER": "sqlite:///ledger.db",
                },
                capture_output=True,
                text=True,
                timeout=110,
                check=False,
            )
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    return ran, proxy.hosts, open_ledger(str(folder / "ledger.db")).jobs()


def test_a_listing_runs_as_it_stands(tmp_path):
    """Azure by its own variables and over TLS, a remix with too much, an error by its name."""
    ran, hosts, jobs = run(renamed(OWN), tmp_path)

    assert hosts == {f"{AZURE}:443"}
    assert (tmp_path / "rain.mp4").read_bytes()[4:8] == b"ftyp"
    assert "Bad request: " in ran.stdout
    assert "UnsupportedParameterWarning: video_remix leaves out seconds" in ran.stderr
    assert sorted(job.provider for job in jobs) == ["azure", "azure", "openai"]


@pytest.mark.slow
@pytest.mark.skipif(not SEEDS, reason="the pages are not part of the project")
@pytest.mark.parametrize("page", SEEDS, ids=lambda page: page.stem)
def test_every_listing_of_a_page(page, tmp_path):
    """As they stand, in the order of the page, with their own pauses of up to half a minute."""
    ran, hosts, jobs = run(program(page.read_text("utf-8")), tmp_path)

    assert "Video ID: video_" in ran.stdout
    assert "failed" not in ran.stdout.lower()
    assert jobs
    assert hosts == ({f"{AZURE}:443"} if "azure" in page.read_text("utf-8").lower() else set())
    assert (tmp_path / "generated_video.mp4").read_bytes()[4:8] == b"ftyp"
