"""The administrators' pages about people."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hub.staff import actions
from hub.staff.access import StaffRequest, administrators_only
from hub.staff.forms import InvitationForm, PersonForm
from hub.staff.models import Invitation, User
from hub.staff.people import get_person, is_open, list_people, pending_invitations

REFUSALS = {
    actions.LastAdministrator: gettext_lazy(
        "This is the only administrator. Make somebody else one first."
    ),
    actions.OwnAccount: gettext_lazy("Ask another administrator to do this to your own account."),
    actions.EmailTaken: gettext_lazy("Somebody with this e-mail address has an account already."),
    actions.InvitationClosed: gettext_lazy(
        "This invitation was used or withdrawn, or has expired."
    ),
}


@require_GET
@administrators_only
def people(request: StaffRequest) -> HttpResponse:
    """Everybody who works here, and who was invited."""
    search = request.GET.get("q", "").strip()[:100]
    context = {
        "people": list_people(search),
        "search": search,
        "invitations": [(each, is_open(each)) for each in pending_invitations()],
    }
    return render(request, "staff/people.html", context)


@require_http_methods(["GET", "POST"])
@administrators_only
def invite(request: StaffRequest) -> HttpResponse:
    """Invite a person."""
    form = InvitationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.invite(request.user, **form.cleaned_data)
        except actions.EmailTaken:
            form.add_error("email", REFUSALS[actions.EmailTaken])
        else:
            messages.success(
                request,
                _("%(name)s gets a mail with a link that works for 72 hours.")
                % {"name": form.cleaned_data["name"]},
            )
            return redirect("staff:people")
    return render(request, "staff/invite.html", {"form": form})


@require_POST
@administrators_only
def withdraw(request: StaffRequest, uuid: UUID) -> HttpResponse:
    """Withdraw an invitation."""
    invitation = get_object_or_404(Invitation, uuid=uuid)
    try:
        actions.withdraw_invitation(request.user, invitation)
        messages.success(request, _("The invitation was withdrawn."))
    except actions.InvitationClosed:
        messages.error(request, REFUSALS[actions.InvitationClosed])
    return redirect("staff:people")


@require_http_methods(["GET", "POST"])
@administrators_only
def person(request: StaffRequest, uuid: UUID) -> HttpResponse:
    """One person: role, departments, and what they can."""
    user = get_object_or_404(User, uuid=uuid)
    initial = {
        "role": user.role,
        "departments": user.memberships.values_list("department_id", flat=True),
        "skills": user.skills,
        "languages": user.languages,
    }
    form = PersonForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_role(request.user, user, form.cleaned_data["role"])
            actions.set_departments(request.user, user, form.cleaned_data["departments"])
            actions.set_abilities(
                request.user,
                user,
                skills=form.cleaned_data["skills"],
                languages=form.cleaned_data["languages"],
            )
        except actions.LastAdministrator:
            form.add_error("role", REFUSALS[actions.LastAdministrator])
        else:
            messages.success(request, _("Saved."))
            return redirect("staff:people")
    return render(request, "staff/person.html", {"person": get_person(user), "form": form})


DEEDS = {
    "switch-off": (
        actions.switch_off,
        gettext_lazy("%(name)s was switched off and logged out everywhere."),
    ),
    "switch-on": (actions.switch_on, gettext_lazy("%(name)s may log in again.")),
    "end-sessions": (actions.end_sessions, gettext_lazy("%(name)s was logged out everywhere.")),
    "reset-second-factor": (
        actions.reset_second_factor,
        gettext_lazy("%(name)s sets up a new second factor at the next log-in."),
    ),
}


@require_POST
@administrators_only
def deed(request: StaffRequest, uuid: UUID, name: str) -> HttpResponse:
    """Do one of `DEEDS` to a person."""
    user = get_object_or_404(User, uuid=uuid)
    act, done = DEEDS[name]
    try:
        act(request.user, user)
        messages.success(request, done % {"name": user.name})
    except (actions.LastAdministrator, actions.OwnAccount) as refusal:
        messages.error(request, REFUSALS[type(refusal)])
    return redirect("staff:person", uuid=user.uuid)
