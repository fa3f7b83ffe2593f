"""Who may become a lead or a contact: the correspondents of unmatched mail."""

from datetime import UTC, datetime, timedelta

from mailmirror.domain.address import Address
from mailmirror.domain.candidates import Candidate, Letter, candidates
from mailmirror.domain.message import Participant

REP, MIA, TOM = (Address(one) for one in ("rep@us.example", "mia@new.example", "tom@new.example"))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def named(*some: tuple[Address, str]) -> list[Participant]:
    return [Participant(name, address) for address, name in some]


def letter(hour: int, sender: tuple[Address, str], *others: tuple[Address, str]) -> Letter:
    return Letter(NOON + hour * HOUR, named(sender), named(*others))


def test_letters_of_the_team_count_as_written_to_and_others_as_received() -> None:
    found = candidates(
        [
            letter(1, (MIA, "Mia"), (REP, "Rep")),
            letter(2, (REP, "Rep"), (MIA, "")),
            letter(3, (MIA, "Mia M."), (REP, "")),
        ],
        {REP},
    )
    assert found == [Candidate(MIA, "Mia M.", written_to=1, received=2, last_at=NOON + 3 * HOUR)]


def test_those_that_the_team_has_written_to_come_first_and_then_the_newest() -> None:
    old, new = Address("old@x.example"), Address("new@x.example")
    letters = [
        letter(5, (new, "")),
        letter(4, (old, "")),
        letter(1, (REP, ""), (MIA, "")),
        letter(2, (REP, ""), (TOM, "")),
    ]
    assert [one.address for one in candidates(letters, {REP})] == [TOM, MIA, new, old]


def test_a_name_stays_where_a_newer_letter_has_none() -> None:
    (found,) = candidates([letter(2, (MIA, "")), letter(1, (MIA, "Mia"))], {REP})
    assert found.name == "Mia"


def test_the_team_and_addresses_from_which_no_person_writes_are_left_out() -> None:
    automatic = [Address(f"{one}@shop.example") for one in ("no-reply", "noreply+7", "bounces")]
    assert candidates([letter(1, (one, "Shop"), (REP, "")) for one in automatic], {REP}) == []


def test_an_address_counts_once_in_a_letter_that_names_it_twice() -> None:
    (found,) = candidates([letter(1, (REP, ""), (MIA, "Mia"), (MIA, ""))], {REP})
    assert (found.written_to, found.received) == (1, 0)
