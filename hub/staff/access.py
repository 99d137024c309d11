"""Who may open the pages of this room."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from hub.audit.record import AuditAction, record
from hub.staff.models import User

P = ParamSpec("P")


class StaffRequest(HttpRequest):
    """A request of a person who is logged in (for the type checker; Django makes none of these)."""

    user: User


View = Callable[Concatenate[StaffRequest, P], HttpResponse]


def administrators_only(view: View[P]) -> View[P]:
    """Let administrators in; refuse everybody else with 403 and write the refusal down."""

    @login_required
    @wraps(view)
    def guarded(request: StaffRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_administrator:
            record(
                AuditAction.DENIED,
                actor=request.user,
                detail={"view": request.resolver_match.view_name if request.resolver_match else ""},
            )
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return cast("View[P]", guarded)
