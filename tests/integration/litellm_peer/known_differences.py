"""What LiteLLM and vidobs do not do alike, each with its reason."""

from fnmatch import fnmatchcase
from typing import NamedTuple

from peer_kit import ABSENT

ANY = "(anything)"


class Difference(NamedTuple):
    """One of them: in which steps of the story, at which paths, what LiteLLM has and what we."""

    why: str
    steps: str
    paths: str
    theirs: object = ANY
    ours: object = ANY
    where: str = "*"  # of `sync openai` and the like

    def explains(self, step, path, theirs, ours):
        """Tell whether it is what was found."""
        return (
            any(fnmatchcase(step, pattern) for pattern in self.steps.split("|"))
            and any(fnmatchcase(path, pattern) for pattern in self.paths.split("|"))
            and self.theirs in (ANY, theirs)
            and self.ours in (ANY, ours)
        )


CUT_OFF = "reference, a p*|reference, a triple|reference, an id"
DIFFERENCES = (
    # -- of LiteLLM, and better here -------------------------------------------------------------
    Difference(
        "LiteLLM knows the model at the create only: each later call makes another id for the job",
        "status*|remix|edit*|extension",
        "result.id",
    ),
    Difference(
        "LiteLLM leaves the parent's id raw: it is not the id that its create returned",
        "remix|list*",
        "*remixed_from_video_id",
    ),
    Difference(
        "LiteLLM drops the fields that its class does not name",
        "*",
        "result.prompt",
        theirs=ABSENT,
    ),
    Difference(
        "LiteLLM knows no length of an edit or an extension, so it says they cost nothing",
        "edit*|extension",
        "result.usage*|result.cost",
    ),
    Difference(
        "LiteLLM says that a status costs nothing; here it says what the job costs so far",
        "status, [!f]*",
        "result.cost",
        theirs=0.0,
        ours=0.4,
    ),
    Difference(
        "LiteLLM's awaiting list fails when no provider is named",
        "list, of whom",
        "result.*|sent*",
        where="async openai",
    ),
    Difference(
        "LiteLLM does not say what a mock costs: nothing",
        "mock, *",
        "result.cost",
        theirs=None,
        ours=0.0,
    ),
    Difference(
        "LiteLLM's mock of a list is a bare list, while its list is a page; here both are a page",
        "mock, list",
        "result.*",
    ),
    Difference(
        "LiteLLM sends these forms as if they were the content of a file, and breaks off",
        CUT_OFF,
        "*",
    ),
    Difference(
        "LiteLLM sends a URL as if it were the bytes of a picture",
        "reference, a URL",
        "sent.0.fields.input_reference.*",
    ),
    Difference(
        "LiteLLM puts the query of a create into its form",
        "extra query",
        "sent.0.line|sent.0.fields.extra_query.trial",
    ),
    Difference(
        "LiteLLM asks for the file at once; here the job is looked at first, and waited for",
        "content*",
        "sent.*",
    ),
    Difference(
        "LiteLLM's proxy puts the provider into the id of a character, its functions do not",
        "create character|get character",
        "result.id",
        theirs="a character",
    ),
    # -- of the errors ---------------------------------------------------------------------------
    Difference(
        "LiteLLM takes an answer of type invalid_request_error for a 400, whatever its status",
        "refused 40[1-9]|refused 4[1-9]*|not found|remix of nothing",
        "result.raised",
        theirs="BadRequestError",
    ),
    Difference(
        "LiteLLM has no class of its own for these from Azure",
        "refused 403|refused 409|refused 500",
        "result.raised",
        theirs="APIError",
        where="* azure",
    ),
    Difference(
        "LiteLLM knows a filter by another word than the API has",
        "blocked",
        "result.raised",
        theirs="BadRequestError",
        ours="ContentPolicyViolationError",
    ),
    Difference(
        "a gateway that waited too long did answer: whoever asks again may pay twice",
        "refused 504",
        "result.raised",
        theirs="Timeout",
        ours="ServiceUnavailableError",
    ),
    Difference(
        "there was no answer, so no status; LiteLLM makes one up",
        "cut|nobody there|too late",
        "result.raised|result.status",
    ),
    Difference(
        "the server answered 200, with what is no JSON; LiteLLM says 500",
        "garbage",
        "result.raised|result.status",
        theirs=ANY,
    ),
    # -- on the wire -----------------------------------------------------------------------------
    Difference(
        "a create is sent with a key, so that a server that honours it makes one job of two",
        "*",
        "sent.0.headers.idempotency-key",
        theirs=ABSENT,
        ours="sent",
    ),
    Difference(
        "a create without a file goes as JSON, so that numbers stay numbers",
        "*",
        "sent.0.body|sent.0.fields.seed|sent.0.fields.fps|sent.0.fields.*_query*",
    ),
    # -- not there -------------------------------------------------------------------------------
    Difference(
        "vidobs has no function for providers that do not speak the protocol, it observes them",
        "another provider",
        "*",
    ),
)


def sorted_out(found, where):
    """Return what no difference explains, and those that explain nothing."""
    listed = [one for one in DIFFERENCES if fnmatchcase(where, one.where)]
    used, left = set(), {}
    for name, (theirs, ours) in found.items():
        step, path = name
        told = [one for one in listed if one.explains(step, path, theirs, ours)]
        used.update(told[:1])
        if not told:
            left[name] = (theirs, ours)
    return left, [one.why for one in listed if one not in used]
