"""Our addresses at WhatsApp and Messenger: the list, a new one, on and off."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hub.console.meta_channels.forms import AddressForm
from hub.conversations.actions import addresses as actions
from hub.conversations.models import META, Channel, HubAddress, MessageTemplate
from hub.staff.access import StaffRequest, administrators_only
from patients.normal_form import NotAnAddress


@require_GET
@administrators_only
def index(request: StaffRequest) -> HttpResponse:
    """All addresses and all templates."""
    addresses = HubAddress.objects.filter(channel__in=META).select_related("department")
    context = {
        "addresses": addresses.order_by("channel", "value"),
        "templates": MessageTemplate.objects.order_by("channel", "name", "language"),
        "webhook": f"{settings.PUBLIC_URL}{reverse('messaging-inbound')}#rc=3&rp=5xx,ct,rt",
    }
    return render(request, "meta_channels/index.html", context)


@require_http_methods(["GET", "POST"])
@administrators_only
def add(request: StaffRequest) -> HttpResponse:
    """Add an address, which is off at first."""
    form = AddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            actions.add_meta_address(
                Channel(given["channel"]),
                given["value"],
                label=given["label"],
                department=given["department"],
                by=request.user,
            )
        except NotAnAddress:
            form.add_error("value", _("This is not an address on this channel."))
        except actions.AddressTaken:
            form.add_error("value", _("The hub has this address already."))
        else:
            messages.success(request, _("Added. It is off until you switch it on."))
            return redirect("meta_channels:index")
    return render(request, "meta_channels/add.html", {"form": form})


@require_POST
@administrators_only
def switch(request: StaffRequest, address: UUID) -> HttpResponse:
    """Switch an address on or off."""
    found = get_object_or_404(HubAddress, uuid=address, channel__in=META)
    on = request.POST.get("on") == "on"
    actions.switch_address(found, on=on, by=request.user)
    messages.success(request, _("Switched on.") if on else _("Switched off."))
    return redirect("meta_channels:index")
