"""The voice resources of the REST façade: path → what answers which method."""

from __future__ import annotations

from ..rest import Handler
from . import rest_calls, rest_conferences, rest_queues, rest_recordings


def voice_routes(account: str) -> dict[str, dict[str, Handler]]:
    """All voice paths below ``account``, the more exact ones first."""
    calls, rooms = f"{account}/Calls", f"{account}/Conferences"
    queues, recordings = f"{account}/Queues", f"{account}/Recordings"
    recording: dict[str, Handler] = {"get": rest_recordings.fetch, "delete": rest_recordings.delete}
    file: dict[str, Handler] = {"get": rest_recordings.fetch_file}
    return {
        f"{calls}.json": {"get": rest_calls.list_calls, "post": rest_calls.create},
        f"{calls}/{{sid}}/Recordings.json": {
            "get": rest_recordings.list_of_call,
            "post": rest_recordings.start_on_call,
        },
        f"{calls}/{{sid}}/Recordings/{{recording}}.json": {
            **recording,
            "post": rest_recordings.update_on_call,
        },
        f"{calls}/{{sid}}.json": {
            "get": rest_calls.fetch,
            "post": rest_calls.update,
            "delete": rest_calls.delete,
        },
        f"{rooms}.json": {"get": rest_conferences.list_conferences},
        f"{rooms}/{{conference}}/Participants.json": {
            "get": rest_conferences.list_participants,
            "post": rest_conferences.create_participant,
        },
        f"{rooms}/{{conference}}/Participants/{{participant}}.json": {
            "get": rest_conferences.fetch_participant,
            "post": rest_conferences.update_participant,
            "delete": rest_conferences.remove_participant,
        },
        f"{rooms}/{{conference}}/Recordings.json": {"get": rest_recordings.list_of_conference},
        f"{rooms}/{{conference}}/Recordings/{{recording}}.json": {
            **recording,
            "post": rest_recordings.update_on_conference,
        },
        f"{rooms}/{{sid}}.json": {"get": rest_conferences.fetch, "post": rest_conferences.update},
        f"{queues}.json": {"get": rest_queues.list_queues, "post": rest_queues.create},
        f"{queues}/{{queue}}/Members.json": {"get": rest_queues.list_members},
        f"{queues}/{{queue}}/Members/{{member}}.json": {
            "get": rest_queues.fetch_member,
            "post": rest_queues.dequeue,
        },
        f"{queues}/{{sid}}.json": {
            "get": rest_queues.fetch,
            "post": rest_queues.update,
            "delete": rest_queues.delete,
        },
        f"{recordings}.json": {"get": rest_recordings.list_all},
        f"{recordings}/{{recording}}.json": recording,
        f"{recordings}/{{recording}}.wav": file,
        f"{recordings}/{{recording}}.mp3": file,
        f"{recordings}/{{recording}}": {**recording, **file},
    }
