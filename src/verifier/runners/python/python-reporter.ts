import type { ReportPlace } from "../runner.ts";

/**
 * Two small Python modules that record tests as they end: a pytest plugin and a unittest listener.
 * Neither shadows a module of the repository or of Python, and neither runs where the command keeps
 * Python from finding it. Each line is one JSON object (read by `parsers/run-lines.ts`), written at
 * once, so that a report cut off by `os._exit` is known up to there.
 */
export const pythonReport = "python-tests.jsonl";
export const junitReport = "pytest.xml";
const reporter = "deputy_report";
const pytestPlugin = "deputy_report_pytest";
const distribution = "deputy_report-1.dist-info";

/** The JUnit XML file requested from pytest, which writes none where the plugin is loaded. */
export function junitPath(place: ReportPlace): string {
  return `${place.folder}/${junitReport}`;
}

/** Both are active at once, because a makefile may start either. */
export function pythonFiles(place: ReportPlace): { name: string; text: string }[] {
  const path = JSON.stringify(`${place.folder}/${pythonReport}`);
  return [
    { name: `${reporter}.py`, text: listener.replace("REPORT", path) },
    {
      name: `${pytestPlugin}.py`,
      text: plugin.replace("JUNIT_PATH", JSON.stringify(junitPath(place))),
    },
    // Python finds plugins among the packages on its path, so no argument can go wrong.
    {
      name: `${distribution}/METADATA`,
      text: "Metadata-Version: 2.1\nName: deputy_report\nVersion: 1\n",
    },
    {
      name: `${distribution}/entry_points.txt`,
      text: `[pytest11]\n${reporter} = ${pytestPlugin}\n`,
    },
  ];
}

/** Makes Python import the module first; it prints one line where the module is missing. */
export const pythonListens = { PYTHONWARNINGS: `ignore::${reporter}.Unused` };

/** Whether the commands keep Python from reading our folder. */
export function hidesPythonPath(texts: string): boolean {
  return /\bPYTHONPATH\b|\bpython[\d.]*\s+-[A-Za-z]*[EI]|\b(?:tox|nox)\b/.test(texts);
}

const listener = `import sys


class Unused(Warning):
    pass


class Report:
    path = REPORT

    def __init__(self, runner):
        import json, os, time
        self.os, self.dumps = os, json.dumps
        self.open, self.put, self.close = os.open, os.write, os.close
        self.run = "%d-%d" % (os.getpid(), int(time.time() * 1000))
        self.runner = runner

    def write(self, **event):
        try:
            event["run"] = self.run
            event["runner"] = self.runner
            line = (self.dumps(event) + "\\n").encode("utf-8", "replace")
            file = self.open(self.path, self.os.O_WRONLY | self.os.O_APPEND | self.os.O_CREAT, 0o644)
            try:
                self.put(file, line)
            finally:
                self.close(file)
        except Exception:
            pass


def listen(module):
    result_class = module.TestResult
    report = Report("unittest")
    states = {}

    def name_of(test):
        return str(test.id())

    def file_of(test):
        return getattr(sys.modules.get(type(test).__module__), "__file__", None)

    def note(test, state, worst=False):
        known = states.get(id(test))
        if known is None:
            name = name_of(test)
            if type(test).__name__ == "_FailedTest":
                return
            if type(test).__name__ == "_ErrorHolder":
                report.write(test=name, state=state)
            return
        if known != "failed" or worst:
            states[id(test)] = state

    def wrap(name, before):
        original = getattr(result_class, name, None)
        if original is None:
            return

        def wrapped(self, *args, **kwargs):
            try:
                before(self, *args)
            except Exception:
                pass
            return original(self, *args, **kwargs)

        wrapped.__name__ = name
        wrapped.__doc__ = original.__doc__
        wrapped.__wrapped__ = original
        setattr(result_class, name, wrapped)

    def start(result, test):
        if id(test) in states:
            return
        if type(test).__name__ == "_FailedTest":
            broken = name_of(test).split("_FailedTest.", 1)[-1]
            report.write(broken=broken)
            return
        states[id(test)] = "none"
        report.write(test=name_of(test), state="running", file=file_of(test))

    def stop(result, test):
        state = states.pop(id(test), None)
        if state is not None:
            report.write(test=name_of(test), state="passed" if state == "none" else state)

    def skip(result, test, reason):
        if getattr(test, "test_case", None) is None:
            note(test, "skipped")

    def subtest(result, test, subtest, error):
        if error is not None:
            note(test, "failed", True)

    wrap("startTestRun", lambda result: report.write(begin=True))
    wrap("startTest", start)
    wrap("addSuccess", lambda result, test: note(test, "passed"))
    wrap("addError", lambda result, test, error: note(test, "failed", True))
    wrap("addFailure", lambda result, test, error: note(test, "failed", True))
    wrap("addSkip", skip)
    wrap("addExpectedFailure", lambda result, test, error: note(test, "skipped"))
    wrap("addUnexpectedSuccess", lambda result, test: note(test, "failed", True))
    wrap("addSubTest", subtest)
    wrap("stopTest", stop)
    wrap("stopTestRun", lambda result: report.write(end=not result.shouldStop))


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != "unittest.result":
            return None
        try:
            sys.meta_path.remove(self)
            sys.warnoptions[:] = [o for o in sys.warnoptions if "${reporter}.Unused" not in o]
            for finder in sys.meta_path:
                spec = finder.find_spec(name, path, target) if hasattr(finder, "find_spec") else None
                if spec is not None:
                    break
            else:
                return None
            load = spec.loader.exec_module

            def load_and_listen(module):
                load(module)
                try:
                    listen(module)
                except Exception:
                    pass

            spec.loader.exec_module = load_and_listen
            return spec
        except Exception:
            return None


if "pytest" not in sys.modules and "unittest.result" not in sys.modules:
    sys.meta_path.insert(0, Finder())
`;

const plugin = `import pytest

from ${reporter} import Report, sys

JUNIT = JUNIT_PATH

sys.meta_path[:] = [f for f in sys.meta_path if type(f).__module__ != "${reporter}"]
report = Report("pytest")
states = {}
files = {}
order = {"passed": 0, "skipped": 1, "failed": 2}


def is_worker(config):
    return hasattr(config, "workerinput")


class Recorder:
    def __init__(self, config):
        self.config = config
        self.ended = 0

    def name(self, nodeid):
        # Named from the folder of the run, not of the project within it.
        return nodeid if "::" not in nodeid else self.path(nodeid.split("::")[0]) + "::" + nodeid.split("::", 1)[1]

    def path(self, path):
        import os
        root = str(getattr(self.config, "rootpath", None) or self.config.rootdir)
        return os.path.normpath(os.path.join(root, path)) if path else root

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session):
        report.write(begin=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid, location):
        states[nodeid] = None
        report.write(test=self.name(nodeid), state="running", file=self.path(nodeid.split("::")[0]))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report):
        if type(report).__name__.lower() == "subtestreport" and report.outcome != "failed":
            return
        state = report.outcome if report.outcome in order else None
        if report.when != "call" and state == "passed":
            return
        known = states.get(report.nodeid)
        if state is not None and (known is None or order[state] > order[known]):
            states[report.nodeid] = state

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logfinish(self, nodeid, location):
        self.ended += 1
        state = states.pop(nodeid, None)
        if state is not None:
            report.write(test=self.name(nodeid), state=state)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report):
        if report.failed:
            broken(self.name(report.nodeid) if "::" in report.nodeid else self.path(report.nodeid))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session, exitstatus):
        stopped = bool(getattr(session, "shouldstop", False) or getattr(session, "shouldfail", False))
        # With workers the collecting is theirs.
        alone = not self.config.pluginmanager.hasplugin("dsession")
        fewer = alone and self.ended < getattr(session, "testscollected", 0)
        report.write(end=int(exitstatus) in (0, 1, 5) and not stopped and not fewer)


def broken(path):
    report.write(broken=path)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    if not is_worker(config) and not config.getoption("collectonly", False):
        # What is written here needs no second report.
        if getattr(config.option, "xmlpath", None) == JUNIT:
            config.option.xmlpath = None
        config.pluginmanager.register(Recorder(config), "${reporter}_recorder")
`;
