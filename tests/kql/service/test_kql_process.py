"""The process behind the service: it starts late, comes back, keeps its limits, and may do nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from tidewaiter.core.errors import QueryError
from tidewaiter.kql.service import Catalog, LanguageService, Paths, ServiceUnavailable
from tidewaiter.kql.service import client as client_module
from tidewaiter.kql.service.process import NodeProcess, ServiceStopped


@pytest.fixture
def own():
    service = LanguageService()
    yield service
    service.close()


def pid_of(service: LanguageService) -> int:
    assert service._process is not None
    return service._process.pid


def test_nothing_is_started_before_the_first_query(own):
    assert own.starts == 0

    own.analyze("print 1")
    own.analyze("print 2")

    assert own.starts == 1


def test_a_process_that_was_killed_is_replaced_and_knows_the_catalog_again(own):
    catalog = Catalog({"Mine_CL": {"A": "long"}})
    own.analyze("Mine_CL | where A == 1", catalog)
    os.kill(pid_of(own), signal.SIGKILL)
    own._process._process.wait()

    found = own.analyze("Mine_CL | where B == 1", catalog)

    assert [each.code for each in found.diagnostics] == ["KS142"]
    assert own.starts == 2


def test_a_query_that_takes_too_long_is_given_up_and_the_next_one_is_answered():
    service = LanguageService(seconds=20)
    try:
        service.analyze("print 1")
        os.kill(pid_of(service), signal.SIGSTOP)
        service._seconds = 0.3
        with pytest.raises(QueryError, match=r"took too long: no answer within 0\.3 seconds"):
            service.analyze("print 1")
        service._seconds = 20
        assert service.analyze("print 1").binds
    finally:
        service.close()


def test_a_query_that_needs_too_much_memory_stops_the_process_and_not_the_caller():
    service = LanguageService(memory_mb=48)
    wide = Catalog({f"T{table}": {f"c{n}_{table}": "string" for n in range(600)} for table in range(200)})
    try:
        with pytest.raises(QueryError, match="stopped the language service: it ended with exit code"):
            service.analyze("union * | where c1_1 == ''", wide)
        assert service.analyze("print 1").binds
    finally:
        service.close()


def test_more_catalogs_than_the_service_keeps_can_be_used_in_turn(own):
    catalogs = [Catalog({"T_CL": {f"C{number}": "long"}}) for number in range(12)]

    for _ in range(2):
        for number, catalog in enumerate(catalogs):
            assert own.analyze(f"T_CL | where C{number} == 1", catalog).binds


def test_threads_share_one_process_and_get_their_own_answers(own):
    answers: dict[int, object] = {}

    def ask(number: int) -> None:
        answers[number] = own.analyze(f"print Column{number} = {number}").columns

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == {number: ((f"Column{number}", "long"),) for number in range(12)}
    assert own.starts == 1


def test_a_service_that_was_closed_leaves_no_process_and_starts_again_when_asked(own):
    own.analyze("print 1")
    pid = pid_of(own)

    own.close()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert own.analyze("print 1").binds


def test_the_process_ends_with_the_program_that_started_it_however_that_ends():
    program = (
        "import os, sys\n"
        "from tidewaiter.kql.service import language_service\n"
        "service = language_service()\n"
        "service.analyze('print 1')\n"
        "print(service._process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    pid = int(done.stdout)

    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        threading.Event().wait(0.05)
    pytest.fail("the node process outlived its owner")


def test_a_forked_process_has_a_service_of_its_own_and_leaves_the_first_one_alone():
    program = (
        "import os\n"
        "from tidewaiter.kql.service import language_service\n"
        "service = language_service()\n"
        "service.analyze('print 1')\n"
        "first = service._process.pid\n"
        "child = os.fork()\n"
        "assert service.analyze('print 1').binds\n"
        "assert (service._process.pid == first) == bool(child)\n"
        "if child:\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "    assert service.analyze('print 1').binds\n"
        "    assert service.starts == 1\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("missing", "message"),
    [("node", "node is missing"), ("library", "Microsoft's KQL parser is missing")],
)
def test_what_is_missing_is_named_with_the_next_step(tmp_path, missing, message):
    paths = replace(Paths.of_environment(), **{missing: tmp_path / "absent"})

    with pytest.raises(ServiceUnavailable, match=message) as caught:
        LanguageService(paths).analyze("print 1")

    assert "make setup" in caught.value.hint


def test_without_the_snapshot_or_with_a_torn_one_it_starts_from_the_package(tmp_path):
    torn = tmp_path / "kusto.blob"
    torn.write_bytes(Paths.of_environment().snapshot.read_bytes()[:5000])
    service = LanguageService(replace(Paths.of_environment(), snapshot=torn))
    try:
        assert service.analyze("SigninLogs | take 1").binds
    finally:
        service.close()


def test_the_snapshot_of_set_up_is_there():
    assert Paths.of_environment().snapshot.is_file(), "run `make setup`"


PROBE = """(function (fs) {
  const said = [];
  const tries = {
    read: () => fs.readFileSync('/etc/passwd'),
    write: () => fs.writeFileSync('probe.txt', 'x'),
    start: () => process.binding('spawn_sync').spawn({ file: '/bin/true', args: ['true'], stdio: [] }),
    evaluate: () => new Function('return 1')(),
  };
  for (const [name, act] of Object.entries(tries)) {
    try { act(); said.push(`${name} was allowed`); } catch (error) { said.push(name); }
  }
  fs.readSync(0, Buffer.alloc(100));
  fs.writeSync(1, said.join(' ') + '\\n');
})"""


def test_the_process_may_read_no_other_file_write_none_start_nothing_and_build_no_code(tmp_path, monkeypatch):
    (tmp_path / "service.js").write_text(PROBE)
    monkeypatch.setattr("tidewaiter.kql.service.process._HERE", tmp_path)
    process = NodeProcess(Paths.of_environment(), memory_mb=256, snapshot=True)
    try:
        assert process.ask(b"go\n", seconds=20) == b"read write start evaluate\n"
    finally:
        process.kill()


def test_a_process_that_dies_says_why(tmp_path, monkeypatch):
    (tmp_path / "service.js").write_text("(function () { throw new Error('out of order'); })")
    monkeypatch.setattr("tidewaiter.kql.service.process._HERE", tmp_path)
    process = NodeProcess(Paths.of_environment(), memory_mb=256, snapshot=True)

    with pytest.raises(ServiceStopped, match=r"exit code 1: .*out of order"):
        process.ask(b"go\n", seconds=20)


def test_overlong_and_invalid_text_is_refused_before_anything_starts(own):
    with pytest.raises(QueryError, match="the limit is"):
        own.analyze("x" * (client_module.MAX_CHARACTERS + 1))
    with pytest.raises(QueryError, match="lone surrogate"):
        own.analyze("print '\ud800'")
    assert own.starts == 0


def test_nesting_beyond_all_reason_is_an_answer_and_no_crash(own):
    found = own.analyze("print " + "(" * 600 + "1" + ")" * 600)

    assert [each.code for each in found.diagnostics] == ["KS245"]
    assert own.starts == 1
