"""The operations of admins: keys, users, teams, spend, the audit log."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from vidobs.gateway.governance import group_calls, key_calls, shown, spend_calls
from vidobs.gateway.governance.calls import MOST_PAGE
from vidobs.gateway.routes import openapi_bodies as bodies
from vidobs.gateway.routes.openapi_operation import Described, Parameter

_KEYS, _USERS, _TEAMS, _SPEND = "Keys", "Users", "Teams", "Spend"
_PAGE = Parameter("page", "Which page.", Annotated[int, Meta(ge=1, le=1_000_000)])
_DAY = Annotated[str, Meta(extra_json_schema={"anyOf": [{"format": "date"}, {"const": ""}]})]
_BY = (
    Parameter("user_id", "Of this user."),
    Parameter("team_id", "Of this team."),
)
_SINCE = Parameter("start_date", "From this day or moment on, in UTC.", _DAY)
_PERIOD = (_SINCE, Parameter("end_date", "To this day, or before this moment.", _DAY))
_CHANGED_BY = Parameter(
    "litellm-changed-by", "Who the master key speaks for, for the audit log.", str, "header"
)


def _size(name: str) -> Parameter:
    return Parameter(name, "How many on a page.", Annotated[int, Meta(ge=1, le=MOST_PAGE)])


def _changes(path: str, name: str, summary: str, body: type, answer: type) -> Described:
    return Described(
        method="post", path=path, name=name, summary=summary, tag=_tag(path), answer=answer,
        body=body, parameters=(_CHANGED_BY,),
    )  # fmt: skip


def _shows(path: str, name: str, summary: str, answer: type, *parameters: Parameter) -> Described:
    return Described(
        method="get", path=path, name=name, summary=summary, tag=_tag(path), answer=answer,
        parameters=parameters,
    )  # fmt: skip


def _tag(path: str) -> str:
    return {"key": _KEYS, "user": _USERS, "team": _TEAMS}.get(path.split("/")[1], _SPEND)


_of_keys = (
    _changes("/key/generate", "generateKey", "Make a key; only this answer has its text",
             bodies.NewKey, shown.KeyObject),
    _changes("/key/update", "updateKey", "Change a key", bodies.ChangedKey, shown.KeyObject),
    _changes("/key/delete", "deleteKeys", "Delete keys", bodies.NamedKeys, key_calls.DeletedKeys),
    _changes("/key/block", "blockKey", "Close a key", bodies.NamedKey, shown.KeyObject),
    _changes("/key/unblock", "unblockKey", "Open a key again", bodies.NamedKey, shown.KeyObject),
    _changes("/key/regenerate", "regenerateKey", "Give a key a new text", bodies.RenewedKey,
             shown.KeyObject),
    _shows("/key/info", "showKey", "Show a key; without a name the one that asks",
           key_calls.KeyInfo, Parameter("key", "Its text, hash, id or alias.")),
    _shows("/key/list", "listKeys", "List keys, the newest first", key_calls.KeyList, _PAGE,
           _size("size"), *_BY, Parameter("key_alias", "With this alias."),
           Parameter("return_full_object", "`true`: whole keys, not their hashes.")),
)  # fmt: skip
_of_users = (
    _changes("/user/new", "createUser", "Take in a user", bodies.NewUser, shown.UserObject),
    _changes("/user/update", "updateUser", "Change a user", bodies.ChangedUser, shown.UserObject),
    _changes("/user/delete", "deleteUsers", "Delete users", bodies.NamedUsers,
             group_calls.DeletedUsers),
    _changes("/user/block", "blockUser", "Close all keys of a user", bodies.NamedUser,
             shown.UserObject),
    _changes("/user/unblock", "unblockUser", "Open them again", bodies.NamedUser,
             shown.UserObject),
    _shows("/user/info", "showUser", "Show a user and its keys", group_calls.UserInfo,
           Parameter("user_id", "Which user.", required=True)),
    _shows("/user/list", "listUsers", "List users", group_calls.Users, _PAGE, _size("page_size")),
)  # fmt: skip
_of_teams = (
    _changes("/team/new", "createTeam", "Take in a team", bodies.NewTeam, shown.TeamObject),
    _changes("/team/update", "updateTeam", "Change a team", bodies.ChangedTeam, shown.TeamObject),
    _changes("/team/delete", "deleteTeams", "Delete teams", bodies.NamedTeams,
             group_calls.DeletedTeams),
    _changes("/team/block", "blockTeam", "Close all keys of a team", bodies.NamedTeam,
             shown.TeamObject),
    _changes("/team/unblock", "unblockTeam", "Open them again", bodies.NamedTeam,
             shown.TeamObject),
    _shows("/team/info", "showTeam", "Show a team and its keys", group_calls.TeamInfo,
           Parameter("team_id", "Which team.", required=True)),
    _shows("/team/list", "listTeams", "List teams", group_calls.Teams, _PAGE, _size("page_size")),
)  # fmt: skip
_of_spend = (
    _shows("/spend/logs", "listSpend", "List jobs with what they cost; a key sees its own",
           spend_calls.Logs, Parameter("api_key", "Of this key."), *_BY,
           Parameter("model", "Of this model."), Parameter("status", "In this state."),
           Parameter("request_id", "This job."), *_PERIOD, _PAGE, _size("page_size")),
    _shows("/spend/report", "reportSpend", "Sum up", spend_calls.Report,
           Parameter("group_by", "By what.", Literal[spend_calls.GROUPINGS]), *_PERIOD),
    _shows("/audit/logs", "listAudit", "List what was changed", spend_calls.AuditLogs,
           Parameter("table_name", "What was changed.", Literal["key", "user", "team", "gateway"]),
           Parameter("object_id", "Which one."), _SINCE, _PAGE, _size("page_size")),
)  # fmt: skip
ADMIN = (*_of_keys, *_of_users, *_of_teams, *_of_spend)
