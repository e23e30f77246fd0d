from __future__ import annotations

import pickle

import pytest

from tidewaiter.core.errors import (
    ConfigError,
    ContentError,
    ContentErrors,
    DeliveryError,
    Location,
    NotExecutable,
    QueryError,
    StateError,
    TidewaiterError,
    UsageError,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError, 2),
        (QueryError, 2),
        (NotExecutable, 2),
        (ConfigError, 4),
        (StateError, 4),
        (ContentError, 4),
        (DeliveryError, 5),
    ],
)
def test_every_error_has_the_exit_code_of_the_contract(error, code):
    assert error("what").exit_code == code


def test_every_error_of_the_tree_is_one_that_a_person_reads():
    def below(kind: type[TidewaiterError]) -> set[type[TidewaiterError]]:
        return {kind}.union(*(below(each) for each in kind.__subclasses__()))

    assert {error.exit_code for error in below(TidewaiterError) - {TidewaiterError}} == {2, 4, 5}


def test_only_a_delivery_is_worth_a_retry():
    assert DeliveryError("no room").retry
    assert not any(
        kind("x").retry for kind in (UsageError, ConfigError, StateError, ContentError, QueryError)
    )


def test_an_error_says_where_what_and_what_to_do():
    error = ContentError(
        "unknown field 'SrcIP'", at=Location("mapping.yaml", 12), hint="did you mean SrcIpAddr?"
    )

    assert str(error) == "mapping.yaml:12: unknown field 'SrcIP' (did you mean SrcIpAddr?)"


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (Location("a.yaml"), "a.yaml"),
        (Location("a.yaml", 3), "a.yaml:3"),
        (Location("a.yaml", 3, 7), "a.yaml:3:7"),
        (Location("a.yaml", 0, 7), "a.yaml"),
    ],
)
def test_a_place_shows_what_is_known_of_it(place, shown):
    assert str(place) == shown


def test_errors_of_several_files_are_shown_together():
    errors = ContentErrors([ContentError("one", at=Location("a")), ContentError("two", hint="do this")])

    assert str(errors).splitlines() == ["a: one", "two (do this)"]
    assert [error.message for error in errors.errors] == ["one", "two"]


def test_a_refusal_names_what_cannot_be_run():
    refusal = NotExecutable("evaluate bag_unpack", hint="plugins are not run locally")

    assert refusal.construct == "evaluate bag_unpack"
    assert str(refusal) == "not locally executable: evaluate bag_unpack (plugins are not run locally)"


def test_an_error_comes_whole_out_of_a_worker_process():
    error = DeliveryError("no room", at=Location("staging", 1), hint="free some")

    back = pickle.loads(pickle.dumps(error))

    assert (type(back), str(back), back.at, back.hint) == (DeliveryError, str(error), error.at, error.hint)
