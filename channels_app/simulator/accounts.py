"""The account itself and the numbers it owns (IncomingPhoneNumbers)."""

from __future__ import annotations

from email.utils import format_datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from . import errors
from .carrier import VERSION
from .rest import Call
from .store import Number

#: What of a number can be changed here: form field → attribute.
_FIELDS = {
    "SmsUrl": "sms_url",
    "SmsMethod": "sms_method",
    "SmsFallbackUrl": "sms_fallback_url",
    "SmsFallbackMethod": "sms_fallback_method",
    "VoiceUrl": "voice_url",
    "VoiceMethod": "voice_method",
    "VoiceFallbackUrl": "voice_fallback_url",
    "VoiceFallbackMethod": "voice_fallback_method",
    "StatusCallback": "status_callback",
    "StatusCallbackMethod": "status_callback_method",
    "FriendlyName": "friendly_name",
}


async def fetch_account(call: Call) -> Response:
    """The account, as a configuration check asks for it."""
    simulator = call.simulator
    sid = simulator.settings.account_sid
    created = format_datetime(simulator.started)
    uri = f"/{VERSION}/Accounts/{sid}"
    return JSONResponse(
        {
            "sid": sid,
            "owner_account_sid": sid,
            "auth_token": simulator.settings.auth_token,
            "friendly_name": "Simulated account",
            "status": "active",
            "type": "Full",
            "date_created": created,
            "date_updated": created,
            "uri": f"{uri}.json",
            "subresource_uris": {
                "messages": f"{uri}/Messages.json",
                "calls": f"{uri}/Calls.json",
                "conferences": f"{uri}/Conferences.json",
                "queues": f"{uri}/Queues.json",
                "recordings": f"{uri}/Recordings.json",
                "incoming_phone_numbers": f"{uri}/IncomingPhoneNumbers.json",
            },
        }
    )


async def list_numbers(call: Call) -> Response:
    """The account's numbers, by ``PhoneNumber`` if given."""
    wanted = call.query.get("PhoneNumber")
    numbers = [
        _resource(call, number)
        for number in call.simulator.store.numbers.values()
        if not wanted or wanted in number.e164
    ]
    uri = f"{call.request.url.path}?PageSize=50&Page=0"
    return JSONResponse(
        {
            "incoming_phone_numbers": numbers,
            "page": 0,
            "page_size": 50,
            "start": 0,
            "end": max(0, len(numbers) - 1),
            "uri": uri,
            "first_page_uri": uri,
            "next_page_uri": None,
            "previous_page_uri": None,
        }
    )


async def fetch_number(call: Call) -> Response:
    """One number."""
    return JSONResponse(_resource(call, _find(call)))


async def update_number(call: Call) -> Response:
    """Change where a number's texts and calls go."""
    number = _find(call)
    unknown = {name for name, _ in call.form} - set(_FIELDS)
    if unknown:
        raise errors.invalid_parameter(f"{sorted(unknown)[0]} is not simulated")
    for name, attribute in _FIELDS.items():
        if call.given(name):
            setattr(number, attribute, call.field(name))
    return JSONResponse(_resource(call, number))


def _find(call: Call) -> Number:
    number = call.simulator.store.number_by_sid(call.path["sid"])
    if number is None:
        raise errors.not_found(call.request.url.path)
    return number


def _resource(call: Call, number: Number) -> dict[str, Any]:
    sid = call.simulator.settings.account_sid
    created = format_datetime(number.created)
    return {
        "sid": number.sid,
        "account_sid": sid,
        "friendly_name": number.friendly_name,
        "phone_number": number.e164,
        "api_version": VERSION,
        "beta": False,
        "origin": "twilio",
        "status": "in-use",
        "capabilities": {"sms": True, "mms": True, "voice": True, "fax": False},
        "address_requirements": "none",
        "sms_url": number.sms_url,
        "sms_method": number.sms_method,
        "sms_fallback_url": number.sms_fallback_url,
        "sms_fallback_method": number.sms_fallback_method,
        "voice_receive_mode": "voice",
        "voice_caller_id_lookup": False,
        "voice_url": number.voice_url,
        "voice_method": number.voice_method,
        "voice_fallback_url": number.voice_fallback_url,
        "voice_fallback_method": number.voice_fallback_method,
        "status_callback": number.status_callback,
        "status_callback_method": number.status_callback_method,
        "date_created": created,
        "date_updated": created,
        "uri": f"/{VERSION}/Accounts/{sid}/IncomingPhoneNumbers/{number.sid}.json",
    }
