import pytest

from vidobs.core.tiers import names_of


@pytest.mark.parametrize(
    ("size", "names"),
    [
        ("1280x720", ("1280x720", "720p")),
        ("720X1280", ("720x1280", "720p")),
        ("1280*720", ("1280x720", "720p")),
        ("864x496", ("864x496", "480p")),
        ("1920x1088", ("1920x1088", "1080p")),
        ("1366x768", ("1366x768", "768p")),
        ("1024x1792", ("1024x1792",)),
        ("3840x2160", ("3840x2160", "4k")),
        ("2160p", ("4k",)),
        ("768P", ("768p",)),
        ("mode:pro", ("mode:pro",)),
        ("16:9", ()),
        ("auto", ()),
        ("", ()),
        (None, ()),
    ],
)
def test_names_of_a_size(size, names):
    """A size is known by its pixels and by the tier that is sold under its short edge."""
    assert names_of(size) == names
