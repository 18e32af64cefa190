import pytest
from django.db import DatabaseError, connection, transaction

from onboarding.domain import audit
from onboarding.domain.audit import SYSTEM, Fact
from onboarding.enums import AuditAction
from onboarding.models import AuditChain, AuditEntry, EndUser
from tests.onboarding.factories import NOON, register

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain() -> AuditChain:
    end_user = register()
    facts = [Fact(AuditAction.END_USER_UPDATED, {"members": [name]}) for name in ("phone", "email")]
    audit.record(subject=end_user, facts=facts, actor=SYSTEM, at=NOON)
    return AuditChain.objects.get(pk=end_user.pk)


def test_an_untouched_chain_verifies(chain: AuditChain) -> None:
    assert chain.length == chain.entries.count() > 4
    assert audit.verify(chain) == []


def test_python_refuses_to_change_or_delete_an_entry(chain: AuditChain) -> None:
    entry = chain.entries.first()
    assert entry is not None
    with pytest.raises(TypeError):
        entry.save()
    with pytest.raises(TypeError):
        entry.delete()


def test_the_database_refuses_to_change_or_delete_an_entry(chain: AuditChain) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        chain.entries.update(actor="somebody else")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        chain.entries.all()._raw_delete(using="default")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE onboarding_auditentry SET actor = 'x' WHERE number = 2",
        "UPDATE onboarding_auditentry SET data = '{}' WHERE number = 1",
        "UPDATE onboarding_auditentry SET number = 1000 WHERE number = 3",
        "DELETE FROM onboarding_auditentry WHERE number = 2",
        "DELETE FROM onboarding_auditentry WHERE number = (SELECT MAX(number) FROM onboarding_auditentry)",
    ],
)
def test_whoever_walks_past_the_guards_is_found(chain: AuditChain, statement: str) -> None:
    _past_the_guards(statement)
    assert audit.verify(chain) != []


def test_the_trail_holds_no_personal_data(chain: AuditChain) -> None:
    end_user = EndUser.objects.get(pk=chain.pk)
    told = {
        end_user.email,
        end_user.individual.last_name,
        str(end_user.individual.birth_date),
        *(entry.number for entry in end_user.identifications.all() if entry.number),
    }
    text = str(list(chain.entries.values_list("data", "actor")))
    assert [value for value in told if value and value in text] == []


def _past_the_guards(statement: str) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(statement)
            cursor.execute("SET session_replication_role = DEFAULT")
            return
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type='trigger' AND tbl_name='onboarding_auditentry'"
        )
        guards = cursor.fetchall()
        for name, _ in guards:
            cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute(statement)
        for _, sql in guards:
            cursor.execute(sql)


def test_entries_are_numbered_one_by_one(chain: AuditChain) -> None:
    numbers = list(AuditEntry.objects.filter(chain=chain).values_list("number", flat=True))
    assert numbers == list(range(1, chain.length + 1))
