"""Deep links: what may be set, and what is refused with the place it stands at."""

import pytest

from vidobs.config import load
from vidobs.config.links import TOOLS, links
from vidobs.core.errors import ConfigError


def test_a_template_stays_as_it_was_written():
    """Any name will do for an address with places in it."""
    given = {"tickets": "https://tickets.example/find?job={job_id}&from={start_ms}"}
    assert links(given) == given


@pytest.mark.parametrize("tool", TOOLS)
def test_of_known_tools_the_address_is_enough(tool):
    """What comes behind the address is known, and a slash at its end does not matter."""
    assert links({tool: f"https://{tool}.example/"}) == {
        tool: f"https://{tool}.example{TOOLS[tool]}"
    }


def test_a_tool_may_have_a_template_of_its_own():
    """An address with a place in it is taken as it is, whatever the name."""
    own = "https://grafana.example/d/trace?var-id={trace_id}"
    assert links({"grafana": own}) == {"grafana": own}


def test_one_text_holds_several():
    """Commas and blanks part links, but not within an address."""
    text = "jaeger=https://j.example, mine=http://m.example/a,b?x={job_id}"
    assert links(text) == {
        "jaeger": "https://j.example/trace/{trace_id}",
        "mine": "http://m.example/a,b?x={job_id}",
    }


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("javascript:alert({job_id})", "allowed: an address such as"),
        ("ftp://files.example/{job_id}", "allowed: an address such as"),
        ("https:///{job_id}", "allowed: an address such as"),
        ("https://a.example/{job id}", "allowed: an address such as"),
        ("https://a.example/\x07{job_id}", "allowed: an address such as"),
        ("https://{job_id}.example/", "the host must be a plain one"),
        ("https://me:pw@a.example/{job_id}", "the host must be a plain one"),
        ("https://a.example/{trace}", "did you mean 'trace_id'?"),
        ("https://a.example/{job_id}?q={", "a brace that is no place"),
        ("https://a.example/", "no place such as {trace_id}"),
        (7, "got int"),
    ],
)
def test_what_is_no_link_is_refused(address, said):
    """An address is one of the web, with places that there are, on a host that is fixed."""
    with pytest.raises(ConfigError) as caught:
        links({"mine": address}, "here: links")
    assert str(caught.value).startswith("here: links.mine: ")
    assert said in str(caught.value)


@pytest.mark.parametrize("value", [3, ["https://a.example/{job_id}"], {"": "https://a.example"}])
def test_what_is_no_mapping_is_refused(value):
    """Links have names."""
    with pytest.raises(ConfigError, match="allowed: a"):
        links(value)


def test_file_and_environment_are_merged_by_name(write_yaml):
    """The environment wins for a name; others of the file stay, each with its place."""
    write_yaml("""
        links:
          jaeger: https://file.example
          mine: https://mine.example/{job_id}
        """)
    loaded = load({}, {"VIDOBS_LINKS": "jaeger=https://env.example"})
    assert loaded.settings.links == {
        "jaeger": "https://env.example/trace/{trace_id}",
        "mine": "https://mine.example/{job_id}",
    }
    assert loaded.provenance["links.jaeger"] == "environment VIDOBS_LINKS"
    assert loaded.provenance["links.mine"] == "vidobs.yaml:4"


def test_the_line_of_a_wrong_place_is_said(write_yaml):
    """A misspelt place names its line and what was meant."""
    write_yaml("""
        links:
          jaeger: https://jaeger.example
          mine: https://mine.example/{jobid}
        """)
    with pytest.raises(ConfigError) as caught:
        load({}, {})
    assert str(caught.value).startswith("vidobs.yaml:4: links.mine: unknown place 'jobid'; known: ")
    assert str(caught.value).endswith("did you mean 'job_id'?")
