"""The names of pytest and pytest-xdist that we use without their promise: docs/architecture.md lists them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import execnet
import pytest
from _pytest.capture import CaptureManager
from _pytest.config import default_plugins
from _pytest.junitxml import LogXML, xml_key
from execnet import gateway_base, gateway_bootstrap, gateway_io
from xdist import plugin, remote, workermanage
from xdist.dsession import DSession
from xdist.scheduler.protocol import Scheduling

from pytest_moderator.parallel import ParallelScheduling

if TYPE_CHECKING:
    from pathlib import Path


def test_the_setup_state_tears_down_towards_the_next_item(request: pytest.FixtureRequest) -> None:
    state = request.session._setupstate

    assert list(inspect.signature(state.teardown_exact).parameters) == ["nextitem"]


def test_standard_input_is_given_back_for_a_moment() -> None:
    suspend = inspect.signature(CaptureManager.suspend_global_capture)
    resume = inspect.signature(CaptureManager.resume_global_capture)

    assert list(suspend.parameters) == ["self", "in_"]
    assert suspend.parameters["in_"].default is False
    assert list(resume.parameters) == ["self"]


def test_xdists_loop_ends_when_it_is_told_to() -> None:
    loop = inspect.getsource(DSession.pytest_runtestloop)

    assert "if self.shouldstop:" in loop
    assert "pending_exception = Interrupted(str(self.shouldstop))" in loop


def test_xdists_loop_is_woken_by_an_event_of_no_item() -> None:
    loop = inspect.getsource(DSession.loop_once)
    told = inspect.getsource(DSession.worker_runtest_protocol_complete)

    assert "self.queue.get(" in loop
    assert "callname, kwargs = eventcall" in loop
    assert "self.sched.mark_test_complete(node, item_index, duration)" in told


def test_xdists_part_of_a_worker_has_what_we_step_in_for() -> None:
    loop = inspect.getsource(remote.WorkerInteractor.pytest_runtestloop)
    one = inspect.getsource(remote.WorkerInteractor.run_one_test)

    assert "self.run_one_test()" in loop
    assert "self.channel.setcallback(self.handle_command," in loop
    assert "self.nextitem_index is not Marker.SHUTDOWN" in loop
    assert "self.nextitem_index = self.torun.get()" in one
    assert "self.session.items" in one


def test_xdists_part_of_a_worker_renames_items_where_it_is_to_group_them() -> None:
    assert 'if config.getvalue("loadgroup"):' in inspect.getsource(remote.WorkerInteractor)
    assert "config.option.loadgroup = " in inspect.getsource(remote.setup_config)


def test_xdist_sends_commands_through_a_channel_that_is_ours_too() -> None:
    sent = inspect.getsource(workermanage.WorkerController.sendcommand)

    assert "self.channel.send((name, kwargs))" in sent


def test_xdist_takes_back_what_a_worker_has_not_started() -> None:
    heard = inspect.getsource(remote.WorkerInteractor.handle_command)
    asked = inspect.getsource(workermanage.WorkerController.send_steal)
    told = inspect.getsource(DSession.worker_unscheduled)

    assert 'self.steal(kwargs["indices"])' in heard
    assert 'self.sendcommand("steal", indices=indices)' in asked
    assert "self.sched.remove_pending_tests_from_node(node, indices)" in told
    assert list(inspect.signature(remote.TestQueue.lock).parameters) == ["self"]
    assert list(inspect.signature(remote.TestQueue.replace).parameters) == ["self", "iterable"]


def test_a_worker_says_all_in_events_that_we_can_bundle() -> None:
    there = inspect.getsource(remote.WorkerInteractor)
    here = inspect.getsource(workermanage.WorkerController)

    assert there.count(".sendevent(") > 6
    assert there.count("self.channel.send((name, kwargs))") == there.count("channel.send(") == 1
    assert "self.channel.setcallback(self.process_from_remote" in here
    assert here.index("pytest_configure_node") < here.index("self.process_from_remote")
    assert here.count("self.putevent(") == 1
    assert 'method = "worker_" + callname' in inspect.getsource(DSession.loop_once)
    assert "self.triggershutdown()" in inspect.getsource(DSession.pytest_runtestloop)


def test_the_terminal_reporter_has_what_we_write_with(pytestconfig: pytest.Config) -> None:
    terminal = pytest.TerminalReporter(pytestconfig)

    for name in ("showfspath", "stats", "ensure_newline", "write", "write_line", "section"):
        assert hasattr(terminal, name)
    assert pytestconfig.get_terminal_writer().width_of_current_line is not None


def test_our_scheduling_does_all_that_xdist_asks_for() -> None:
    wanted = {name for name in vars(Scheduling) if not name.startswith("_")}

    assert wanted <= set(dir(ParallelScheduling))


def test_a_module_without_an_object_gives_fixtures_of_every_scope(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        seen = []

        @pytest.fixture(scope="session", autouse=True)
        def of_session(): seen.append("session")

        @pytest.fixture(scope="module", autouse=True)
        def of_module(): seen.append("module")

        @pytest.fixture(autouse=True)
        def of_function(): seen.append("function")

        class Text(pytest.Module):
            obj = None

            def collect(self):
                return [pytest.Function.from_parent(self, name=n, callobj=lambda: None) for n in "ab"]

        def pytest_collect_file(file_path, parent):
            if file_path.suffix == ".txt":
                return Text.from_parent(parent, path=file_path)

        def pytest_unconfigure():
            print(seen)
        """
    )
    pytester.maketxtfile(tasks="")

    result = pytester.runpytest_subprocess("tasks.txt")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines("['session', 'module', 'function', 'function']")


def test_a_function_takes_what_another_one_knows_about_fixtures() -> None:
    made = inspect.signature(pytest.Function.__init__)
    written = inspect.getsource(pytest.Function.__init__)

    assert made.parameters["fixtureinfo"].default is None
    assert "self._fixtureinfo" in written
    assert "self.fixturenames = fixtureinfo.names_closure" in written


def test_junits_file_keeps_a_list_of_cases_and_counts_them(tmp_path: Path) -> None:
    xml = LogXML(tmp_path / "junit.xml", None)

    assert xml_key is not None
    assert (xml.node_reporters, xml.node_reporters_ordered) == ({}, [])
    assert {"passed", "failure", "error", "skipped"} <= set(xml.stats)


def test_a_worker_can_be_started_before_xdist_asks_for_it() -> None:
    made = inspect.getsource(workermanage.NodeManager)
    in_execnet = inspect.getsource(execnet.Group.makegateway)

    assert "self.group = execnet.Group(" in made
    assert "self.group.makegateway(spec)" in made
    assert "io = gateway_io.create_io(spec, execmodel=self.execmodel)" in in_execnet
    assert "gw = gateway_bootstrap.bootstrap(io, spec)" in in_execnet
    assert "self._register(gw)" in in_execnet
    assert "sendexec(" in inspect.getsource(gateway_bootstrap.bootstrap_import)
    assert "sys.stdin.readline()" in gateway_io.popen_bootstrapline
    assert gateway_base.get_execmodel("main_thread_only").backend == "main_thread_only"
    assert plugin._sys_path
    assert all(isinstance(name, str) for name in default_plugins)
