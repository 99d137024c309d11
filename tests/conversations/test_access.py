"""`viewers`, asked of a conversation, says what `visible_to` and `masked_to` say of a person."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.conversations import access
from hub.conversations.contacts import contacts_of
from hub.conversations.models import Channel, Conversation
from hub.staff.models import Department, Membership, Role, User
from patients.models import ContactPoint, Patient
from patients.survivors import record_ids
from tests.factories import ContactPointFactory, DepartmentFactory, PatientFactory, UserFactory

pytestmark = pytest.mark.django_db

USERS, DEPARTMENTS, PATIENTS = 4, 3, 4

worlds = st.fixed_dictionaries(
    {
        "members": st.sets(
            st.tuples(st.integers(0, USERS - 1), st.integers(0, DEPARTMENTS - 1)), max_size=6
        ),
        "roles": st.lists(st.sampled_from(Role.values), min_size=USERS, max_size=USERS),
        "active": st.lists(st.booleans(), min_size=USERS, max_size=USERS),
        "restricted": st.lists(st.booleans(), min_size=DEPARTMENTS, max_size=DEPARTMENTS),
        # Merged into an earlier one, or not; chains come by themselves.
        "survivors": st.lists(
            st.one_of(st.none(), st.integers(0, PATIENTS - 2)), min_size=PATIENTS, max_size=PATIENTS
        ),
        "conversations": st.lists(
            st.tuples(
                st.one_of(st.none(), st.integers(0, PATIENTS - 1)),
                st.integers(0, DEPARTMENTS - 1),
                st.one_of(st.none(), st.integers(0, USERS - 1)),
                st.one_of(st.none(), st.integers(0, DEPARTMENTS - 1)),
            ),
            min_size=1,
            max_size=5,
        ),
    }
)


@pytest.fixture
def point() -> ContactPoint:
    return ContactPointFactory()


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(world=worlds)
def test_the_rule_for_one_person_and_for_one_conversation_is_the_same(
    point: ContactPoint, world: dict[str, Any]
) -> None:
    for model in (Conversation, Membership, User, Department):
        model.objects.all().delete()
    Patient.objects.update(survivor=None)
    Patient.objects.all().delete()
    users, departments = _people(world)
    patients: list[Patient] = []
    for number, survivor in enumerate(world["survivors"]):
        earlier = patients[survivor] if survivor is not None and survivor < number else None
        patients.append(PatientFactory(survivor=earlier))
    for patient, department, holder, restricted_by in world["conversations"]:
        conversation(
            point,
            departments[department],
            patient=None if patient is None else patients[patient],
            holder=None if holder is None else users[holder],
            restricted_by=None if restricted_by is None else departments[restricted_by],
        )
    every = list(Conversation.objects.select_related("department"))
    said = {
        (user.pk, one.pk): access.viewers(one, [user.pk for user in users]).level(user.pk)
        for one in every
        for user in users
    }
    for user in users:
        own = set(access.own(user).values_list("pk", flat=True))
        visible = set(access.visible_to(user).values_list("pk", flat=True))
        masked = set(access.masked_to(user).values_list("pk", flat=True))
        known = dict(access.known_to(user).values_list("pk", "level"))
        assert own <= visible and not visible & masked
        for one in every:
            level = said[user.pk, one.pk]
            assert (one.pk in own) == (level == "own")
            assert (one.pk in visible) == (level in ("own", "read"))
            assert (one.pk in masked) == (level == "masked")
            assert known.get(one.pk, "") == level
            assert access.may_answer(user, one) == (level == "own")
        for patient in patients:
            records = record_ids(patient.pk)
            assert {one.id: one.level for one in contacts_of(user, records)} == {
                one.pk: known[one.pk]
                for one in every
                if one.patient_id in records and one.pk in known
            }


def test_another_department_reads_the_same_patients_conversation_but_not_a_restricted_one(
    point: ContactPoint,
) -> None:
    cardiology, billing, mind = (
        DepartmentFactory(),
        DepartmentFactory(),
        DepartmentFactory(restricted=True),
    )
    agent, patient = UserFactory(departments=[cardiology]), PatientFactory()
    own = conversation(point, cardiology, patient=patient)
    bill, therapy = (
        conversation(point, billing, patient=patient),
        conversation(point, mind, patient=patient),
    )
    stranger = conversation(point, billing, patient=PatientFactory())
    assert set(access.visible_to(agent)) == {own, bill}
    assert set(access.masked_to(agent)) == {therapy}
    assert stranger not in access.known_to(agent)


def test_a_conversation_that_left_a_restricted_department_stays_masked(point: ContactPoint) -> None:
    cardiology, mind, billing = (
        DepartmentFactory(),
        DepartmentFactory(restricted=True),
        DepartmentFactory(),
    )
    agent, patient = UserFactory(departments=[cardiology]), PatientFactory()
    conversation(point, cardiology, patient=patient)
    moved = conversation(point, billing, patient=patient, restricted_by=mind)
    assert moved in access.masked_to(agent)
    assert moved not in access.visible_to(agent)


def test_merged_records_are_one_patient(point: ContactPoint) -> None:
    ours, theirs = DepartmentFactory(), DepartmentFactory()
    agent = UserFactory(departments=[ours])
    last = PatientFactory()
    middle = PatientFactory(survivor=last)
    conversation(point, ours, patient=PatientFactory(survivor=middle))
    other = conversation(point, theirs, patient=last)
    assert other in access.visible_to(agent)
    Patient.objects.filter(pk=middle.pk).update(survivor=None)  # un-merged
    assert other not in access.visible_to(agent)


def test_viewers_takes_three_queries_for_a_thousand_people(point: ContactPoint) -> None:
    department = DepartmentFactory()
    one = conversation(point, department, patient=PatientFactory())
    User.objects.bulk_create(
        [User(email=f"many{n}@example.org", name="Many", password="!") for n in range(1000)]
    )
    ids = list(User.objects.values_list("pk", flat=True))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        access.viewers(one, ids)
    assert len(queries) <= 3


def test_one_visible_conversation_is_found_by_its_key(point: ContactPoint) -> None:
    """Whether somebody may see one conversation must not cost a look at all of theirs."""
    department = DepartmentFactory()
    agent = UserFactory(departments=[department])
    one = conversation(point, department)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO conversations_conversation (uuid, identity, department_id, status, "
            "priority, last_number, revision, channel, contact_point_id, last_message_number, "
            "last_entry_at, opened_at, resolution) SELECT gen_random_uuid(), 'unknown', %s, "
            "'open', 0, 0, 0, 'sms', %s, 0, now(), now(), '' FROM generate_series(1, 20000)",
            [department.pk, point.pk],
        )
        cursor.execute("ANALYZE conversations_conversation")
    plan = access.visible_to(agent).filter(uuid=one.uuid).explain(analyze=True)
    assert "Seq Scan on conversations_conversation" not in plan
    rows = [float(found) for found in re.findall(r"rows=([\d.]+) loops", plan)]
    assert max(rows) < 100


def conversation(
    point: ContactPoint,
    department: Department,
    *,
    patient: Patient | None = None,
    holder: User | None = None,
    restricted_by: Department | None = None,
) -> Conversation:
    now = timezone.now()
    return Conversation.objects.create(
        department=department,
        patient=patient,
        holder=holder,
        restricted_by=restricted_by,
        channel=Channel.SMS,
        contact_point=point,
        last_entry_at=now,
        opened_at=now,
    )


def _people(world: dict[str, Any]) -> tuple[list[User], list[Department]]:
    departments = [DepartmentFactory(restricted=flag) for flag in world["restricted"]]
    users = [
        UserFactory(role=role, is_active=active)
        for role, active in zip(world["roles"], world["active"], strict=True)
    ]
    for user, department in world["members"]:
        Membership.objects.create(user=users[user], department=departments[department])
    return users, departments
