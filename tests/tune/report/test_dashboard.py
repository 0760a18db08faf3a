"""The dashboard, started for real, and what it refuses."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna
import pytest
from optuna.artifacts import upload_artifact
from optuna.trial import create_trial
from optuna_dashboard import save_note, wsgi

from tests.browser import CHROMIUM
from tests.processes import SMALL, run, start
from tests.report_facts import confirmation
from tune.config.settings import resolve
from tune.core.listening import is_loopback, rules_for
from tune.core.problems import SettingsError
from tune.report.artefacts import artefact_store
from tune.report.dashboard_guard import compressed, guarded
from tune.report.dashboard_study import brief
from tune.study.storage import open_storage, sqlite_url
from tune.study.study import COMPANION_MARKS

TOKEN = "0123456789abcdefXYZ"
PAGE = "<script>fetch('/api/studies/1', {method: 'DELETE'})</script>"


class Answer:
    """Status, headers and body of one request to the dashboard on ``port``."""

    def __init__(self, port: int, method: str, path: str, headers: dict[str, str], body: Any = None) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        self.status, self.headers, self.text = response.status, response.headers, response.read().decode("latin-1")
        connection.close()

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Dashboard:
    """A running dashboard; what it has printed is complete when it has ended."""

    def __init__(self, port: int, said: str) -> None:
        self.port = port
        self.said = said

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        written = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(self.port, method, path, written, body)


@contextmanager
def dashboard(save_dir: Path, *arguments: str) -> Iterator[Dashboard]:
    process = start("dashboard", "--save-dir", str(save_dir), "--port", "0", *arguments)
    assert process.stdout is not None
    said = process.stdout.readline()
    port = re.search(r":(\d+)/", said)
    assert port is not None, process.communicate()
    running = Dashboard(int(port[1]), said)
    try:
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        assert process.stderr is not None
        with process.stdout, process.stderr:
            # Not communicate(): it reads past what readline() has taken into its buffer along with the first line.
            output, errors = process.stdout.read(), process.stderr.read()
        running.said += output + errors
    assert process.returncode == 0, output + errors
    assert "Traceback" not in errors


@pytest.fixture(scope="module")
def save_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with two trials and with artefacts, one of them a page that would delete it."""
    place = tmp_path_factory.mktemp("studies")
    study = optuna.create_study(storage=open_storage(sqlite_url(place / "tune.db")), study_name="seen")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    for name, content in (("evil.html", PAGE), ("evil.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>")):
        (place / name).write_text(content)
        upload_artifact(artifact_store=artefact_store(place), file_path=str(place / name), study_or_trial=study)
    return place


@pytest.fixture(scope="module")
def locked(save_dir: Path) -> Iterator[Dashboard]:
    """As it is without any option."""
    with dashboard(save_dir) as running:
        yield running


def artefacts(running: Dashboard) -> dict[str, str]:
    study = running.get("/api/studies/1").json
    return {artefact["filename"]: f"/artifacts/1/{artefact['artifact_id']}" for artefact in study["artifacts"]}


def test_it_shows_a_study_with_its_pictures(tmp_path: Path) -> None:
    run(*SMALL, "--save-dir", str(tmp_path), "--study-name", "seen", "--trials", "3")
    with dashboard(tmp_path) as running:
        (summary,) = running.get("/api/studies").json["study_summaries"]
        assert summary["study_name"] == "seen"
        study = running.get(f"/api/studies/{summary['study_id']}?after=0").json
        assert len(study["trials"]) == 3
        picture = running.get(artefacts(running)["optimization_history.png"])
        assert picture.headers["Content-Type"] == "image/png"
        assert picture.text.startswith("\x89PNG")


def test_a_study_is_listed_without_its_confirmation_runs(tmp_path: Path) -> None:
    storage = open_storage(sqlite_url(tmp_path / "tune.db"))
    optuna.create_study(storage=storage, study_name="mine")
    for mark in COMPANION_MARKS:
        optuna.create_study(storage=storage, study_name=f"mine-{mark}").set_user_attr(mark, "1")
    with dashboard(tmp_path) as running:
        assert [one["study_name"] for one in running.get("/api/studies").json["study_summaries"]] == ["mine"]


@pytest.mark.parametrize(("options", "sentence"), [((), "Read-only"), (("--writable",), "Notes and attached files")])
def test_a_page_says_what_may_be_changed(save_dir: Path, options: tuple[str, ...], sentence: str) -> None:
    with dashboard(save_dir, *options) as running:
        page = running.get("/dashboard/studies/1", Range="bytes=0-99", If_None_Match="*")
        assert page.status == 200
        assert len(page.text) == int(page.headers["Content-Length"])
        assert sentence in page.text
        assert ("EditIcon" in page.text) == (not options)
        assert page.text.count("<body>") == 1
        assert page.text.rstrip().endswith("</html>")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_controls_that_are_refused_are_not_shown_and_long_attributes_are_broken(tmp_path: Path, browser: Any) -> None:
    study = optuna.create_study(storage=open_storage(sqlite_url(tmp_path / "tune.db")), study_name="mine")

    def objective(trial: optuna.Trial) -> float:
        trial.set_user_attr("history", [{"epoch": epoch, "loss": epoch / 7} for epoch in range(200)])
        trial.set_user_attr("fixed", {f"hyperparameter {k}": k / 7 for k in range(6)})  # Short enough to be shown.
        return 0.5

    study.optimize(objective, n_trials=1)
    with dashboard(tmp_path) as running:
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(f"http://127.0.0.1:{running.port}/dashboard")
        page.wait_for_selector("text=mine")
        assert page.is_visible("text=Read-only")
        for control in ("Create", "Reload"):
            assert page.is_visible(f"button:has-text('{control}')") == (control == "Reload")
        for control in ("rename study", "delete study"):
            assert page.query_selector(f'[aria-label="{control}"]'), "the dashboard calls it otherwise now"
            assert not page.is_visible(f'[aria-label="{control}"]')
        page.goto(f"http://127.0.0.1:{running.port}/dashboard/studies/1/trials?numbers=0")
        page.wait_for_selector("text=User Attributes")
        page.wait_for_selector("text=hyperparameter 5")
        assert page.evaluate("document.documentElement.scrollWidth") <= 1200
        assert page.evaluate(
            "[...document.querySelectorAll('main p')].every(one => one.scrollWidth <= one.clientWidth)"
        )
        page.close()


def test_a_study_is_answered_without_histories_and_compressed_for_who_takes_that(tmp_path: Path) -> None:
    storage = open_storage(sqlite_url(tmp_path / "tune.db"))
    attributes = {"history": [[{"epoch": 1}]], "n_parameters": 7}
    trials = [create_trial(value=k / 9, user_attrs=attributes) for k in range(9)]
    optuna.create_study(storage=storage, study_name="large").add_trials(trials)
    application = guarded(compressed(wsgi(storage)), rules_for("127.0.0.1", False, (), None, "read", False))

    def ask(**environ: str) -> tuple[dict[str, str], bytes]:
        headers: dict[str, str] = {}

        def start(status: str, given: list[tuple[str, str]], *_: Any) -> Callable[[bytes], object]:
            assert status == "200 OK"
            headers.update(given)
            return lambda _: None

        setup_testing_defaults(environ)
        body = b"".join(application({**environ, "PATH_INFO": "/api/studies/1"}, start))
        return headers, body

    plain_headers, plain = ask()
    headers, packed = ask(HTTP_ACCEPT_ENCODING="br, gzip")
    assert "Content-Encoding" not in plain_headers
    assert (headers["Content-Encoding"], headers["Content-Length"]) == ("gzip", str(len(packed)))
    assert gzip.decompress(packed) == plain
    shown = json.loads(plain)["trials"]
    assert [[one["key"] for one in trial["user_attrs"]] for trial in shown] == 9 * [["n_parameters"]]
    assert ask(HTTP_ACCEPT_ENCODING="gzip", REQUEST_METHOD="HEAD")[1] == b""


def test_a_study_is_answered_as_by_optuna_dashboard_without_what_the_page_does_not_read(tmp_path: Path) -> None:
    storage = open_storage(sqlite_url(tmp_path / "tune.db"))

    def ask(application: Any, query: str = "after=0") -> Any:
        environ: dict[str, Any] = {"PATH_INFO": "/api/studies/1", "QUERY_STRING": query, "HTTP_ACCEPT_ENCODING": ""}
        setup_testing_defaults(environ)
        return json.loads(b"".join(application(environ, lambda *_: lambda _: None)))

    def objective(trial: optuna.Trial) -> float:
        score = trial.suggest_float("x", 0, 1 + trial.number % 2) + trial.suggest_int("n", 1, 4)
        trial.set_user_attr("kind", trial.suggest_categorical("kind", ["a", 'b"trials": []', True]))
        trial.set_user_attr("mixed", trial.number if trial.number % 3 else "none")
        trial.set_user_attr("long", 400 * "x")
        for step, reported in enumerate((score, float("nan") if trial.number == 3 else 0.5)):
            trial.report(reported, step)
        if trial.number % 4 == 1:
            raise optuna.TrialPruned
        return score

    def expected() -> Any:
        whole = ask(wsgi(storage))
        for trial in whole["trials"]:
            trial["user_attrs"] = [one for one in trial["user_attrs"] if one["key"] != "long"]
            for param in trial["params"]:
                del param["distribution"], param["param_external_pytyp"]
        whole["union_user_attrs"].sort(key=lambda one: one["key"])
        return whole

    def answered(query: str = "after=0") -> Any:
        found = ask(brief_one, query)
        found["union_user_attrs"].sort(key=lambda one: one["key"])
        return found

    study = optuna.create_study(storage=storage, study_name="seen", direction="maximize")
    study.set_user_attr("study_id", "mine")
    brief_one = brief(wsgi(storage), storage)
    assert answered() == expected()
    for _ in range(2):
        study.optimize(objective, n_trials=9)
        study.enqueue_trial({"x": 0.5})
        study.ask()
        assert answered() == expected()
    save_note(optuna.trial.Trial(study, study.trials[2]._trial_id), "of a trial")
    assert answered() == expected()
    assert answered("after=15")["trials"] == expected()["trials"][15:]
    optuna.delete_study(study_name="seen", storage=storage)
    assert "reason" in ask(brief_one)
    optuna.create_study(storage=storage, study_name="other", directions=["maximize", "minimize"]).optimize(
        lambda trial: (trial.suggest_float("y", 0, 1), trial.number), n_trials=3
    )
    assert answered() == expected()


def test_the_best_trial_is_the_one_that_repeated(tmp_path: Path) -> None:
    storage = open_storage(sqlite_url(tmp_path / "tune.db"))
    study = optuna.create_study(storage=storage, study_name="confirmed", direction="maximize")
    study.add_trials([create_trial(value=value) for value in (0.7, 0.9, 0.8)])
    application = brief(wsgi(storage), storage)

    def best() -> list[int]:
        environ: dict[str, Any] = {"PATH_INFO": "/api/studies/1", "QUERY_STRING": "after=0"}
        setup_testing_defaults(environ)
        shown = json.loads(b"".join(application(environ, lambda *_: lambda _: None)))
        return [trial["number"] for trial in shown["best_trials"]]

    assert best() == [1]
    study.set_user_attr("settings", resolve({}).model_dump(mode="json"))
    assert best() == [1]
    study.set_user_attr("confirmation", {**confirmation(1), "winner": 2})
    assert best() == [2]


def test_its_pages_are_served(locked: Dashboard) -> None:
    assert locked.get("/").status == 302
    for path in ("/dashboard", "/dashboard/studies/1", "/static/bundle.js"):
        answer = locked.get(path, Accept_Encoding="gzip")
        assert answer.status == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"] is None
    assert "script-src 'self'" in locked.get("/dashboard").headers["Content-Security-Policy"]
    assert locked.ask("HEAD", "/dashboard").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        b"",
        b"Accept-Encoding:\r\n",
        b"Accept-Encoding: identity\r\n",
        b"Accept-Encoding: br;q=1.0, *;q=nan, \xff\r\n",
        b"Accept-Encoding: gzip\r\nRange: bytes=0-99\r\n",
        b"Range: bytes=99999999999-\r\n",
        b"Range: bytes=-1-x," + b"9" * 5000 + b"-\r\n",
        b"Range: lines=1-2\r\n",
        b"If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT\r\n",
        b"If-Modified-Since: Foo, 99 Bar -1 25:61:61 GMT\r\n",
        b"If-Modified-Since: " + b"9" * 5000 + b"\r\n",
        b"If-None-Match: *\r\n",
        b"Range: \xff\r\nIf-Modified-Since: \xff\r\nUser-Agent: \xff\r\nContent-Type: \xff\r\n",
        b"Content-Length: minus one\r\n",
        b"Cookie: ;;=;\xff=\x01\r\n",
        b"Accept: */*;q=x\r\nConnection: upgrade\r\nExpect: 100-continue\r\n",
    ],
)
@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_no_header_is_the_servers_error(locked: Dashboard, method: bytes, headers: bytes) -> None:
    for path in (b"/static/bundle.js", b"/static/absent.js", b"/favicon.ico", b"/dashboard", b"/api/studies"):
        for version, host in ((b"1.1", b"Host: localhost\r\n"), (b"1.0", b"Host: localhost\r\n"), (b"1.0", b"")):
            answer = raw(locked, method + b" " + path + b" HTTP/" + version + b"\r\n" + host + headers + b"\r\n")
            status = int(answer.split(b" ", 2)[1])
            assert status < 500, (path, version, answer[:300])
            assert (status == 403) == (host == b""), (path, answer[:300])


def raw(running: Dashboard, request: bytes) -> bytes:
    """The beginning of the answer to what is sent as it is."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=30) as connection:
        connection.sendall(request)
        return connection.recv(4096)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/api/studies/1", None),
        ("POST", "/api/studies", {"study_name": "new", "directions": ["minimize"]}),
        ("POST", "/api/studies/1/rename", {"study_name": "other"}),
        ("PUT", "/api/studies/1/note", {"version": 1, "body": "mine"}),
        ("OPTIONS", "/api/studies/1", None),
        ("PROPFIND", "/", None),
    ],
)
def test_nothing_can_be_changed(locked: Dashboard, method: str, path: str, body: Any) -> None:
    answer = locked.ask(method, path, body)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert "--writable" in answer.text
    assert [summary["study_name"] for summary in locked.get("/api/studies").json["study_summaries"]] == ["seen"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "localhost.evil.example", "10.1.2.3", "[::2]", ""]
)
def test_a_name_that_was_made_to_point_here_is_refused(locked: Dashboard, host: str) -> None:
    answer = locked.get("/api/studies", Host=host.format(port=locked.port))
    assert (answer.status, answer.headers["Content-Type"]) == (403, "text/plain; charset=utf-8")
    assert "seen" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9000", "127.0.0.1", "127.0.0.1:{port}", "[::1]:80"])
def test_every_name_of_this_machine_is_answered(locked: Dashboard, host: str) -> None:
    """Another port than its own is what a tunnel (ssh -L) gives."""
    assert locked.get("/api/studies", Host=host.format(port=locked.port)).status == 200


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:1", "file://", "http://[", "http://127.0.0.1.evil.example"],
)
def test_other_sites_are_refused(locked: Dashboard, origin: str) -> None:
    assert locked.get("/api/studies", Origin=origin).status == 403


def test_its_own_pages_may_ask(locked: Dashboard) -> None:
    origin = f"http://127.0.0.1:{locked.port}"
    assert locked.get("/api/studies", Origin=origin, Sec_Fetch_Site="same-origin").status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_what_a_browser_says_about_the_sender_is_heeded(locked: Dashboard, site: str) -> None:
    assert locked.get("/api/studies", Sec_Fetch_Site=site).status == 403
    framed = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"}
    assert locked.get("/dashboard", **framed).status == 403
    followed = {**framed, "Sec_Fetch_Dest": "document"}
    assert locked.get("/dashboard", **followed).status == 200


@pytest.mark.parametrize(
    ("name", "content_type"), [("evil.html", "application/octet-stream"), ("evil.svg", "image/svg+xml")]
)
@pytest.mark.parametrize("twist", ["{}", "/{}", "{}/", "/%ff{}"])
def test_artefacts_are_never_pages(locked: Dashboard, name: str, content_type: str, twist: str) -> None:
    """Whatever is written: the dashboard's framework passes over bytes that are no UTF-8, and further slashes."""
    path = artefacts(locked)[name]
    answer = locked.get(twist.format(path))
    assert answer.status in (200, 404)
    assert answer.status == 200 or twist != "{}"
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Access-Control-Allow-Origin"] is None
    assert answer.status == 404 or answer.headers["Content-Type"] == content_type


def test_notes_and_files_with_writable_and_no_deletion(save_dir: Path) -> None:
    with dashboard(save_dir, "--writable") as running:
        assert running.ask("PUT", "/api/studies/1/note", {"version": 1, "body": "mine"}).status == 204
        assert running.get("/api/studies/1").json["note"]["body"] == "mine"
        assert running.ask("PUT", "/api/studies/1/1/note", {"version": 1, "body": "a trial's"}).status == 204
        file = {"file": "data:text/plain;base64,aGVsbG8=", "filename": "more.txt"}
        assert running.ask("POST", "/api/artifacts/1", file).status == 201
        assert running.get(artefacts(running)["more.txt"]).text == "hello"
        for method, path in (
            ("DELETE", "/api/studies/1"),
            ("DELETE", artefacts(running)["more.txt"].replace("/artifacts", "/api/artifacts")),
            ("POST", "/api/trials/1/tell"),
            ("POST", "/api/studies/1/rename"),
            ("POST", "/incompatible-rdb-schema"),
        ):
            assert running.ask(method, path, {"state": "fail", "study_name": "x"}).status == 405, path
        foreign = running.ask("PUT", "/api/studies/1/note", {"version": 2, "body": "x"}, Origin="http://evil.example")
        assert foreign.status == 403
        assert running.get("/api/studies/1").json["note"]["body"] == "mine"


def test_a_remote_dashboard_asks_for_the_token(save_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    with dashboard(save_dir, "--host", "0.0.0.0", "--allow-remote", "--token", "env:MY_TOKEN") as running:
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Basic {TOKEN}"},
            {"Cookie": f"seqtune-{running.port}={TOKEN}"},
            {"Cookie": f"seqtune-{running.port}="},
        ):
            refused = running.get("/api/studies", **headers)
            assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert TOKEN not in refused.text
        assert running.get("/dashboard?token=wrong").status == 401
        assert running.get("/api/studies", Authorization=f"Bearer {TOKEN}").status == 200
        welcome = running.get(f"/?token={TOKEN}")
        assert (welcome.status, welcome.headers["Refresh"]) == (200, "0; url=/")
        cookie, *attributes = welcome.headers["Set-Cookie"].split("; ")
        assert {"HttpOnly", "SameSite=Strict"} <= set(attributes)
        assert TOKEN not in cookie
        assert running.get("/api/studies", Cookie=f"other=1; {cookie}").status == 200
        assert running.get("/api/studies", Cookie=cookie, Host="evil.example").status == 403
        assert running.get("/api/studies", Cookie=cookie, Host="10.1.2.3").status == 200
        assert running.ask("DELETE", "/api/studies/1", Cookie=cookie).status == 405
    assert "TLS" in running.said
    assert TOKEN not in running.said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"host": "0.0.0.0"}, "--allow-remote"),
        ({"host": "::", "allow_remote": True}, "needs a --token"),
        ({"allowed_hosts": ("tuner.example",)}, "needs a --token"),
        ({"host": "0.0.0.0", "allow_remote": True, "token": "hunter2"}, "at least 16"),
        ({"token": "env:NO_SUCH_VARIABLE"}, "NO_SUCH_VARIABLE"),
        ({"token": "many words that are long enough"}, "without spaces"),
    ],
)
def test_what_is_unsafe_is_refused_with_the_way_out(options: dict[str, Any], sentence: str) -> None:
    plain: dict[str, Any] = {"host": "127.0.0.1", "allow_remote": False, "allowed_hosts": (), "token": None}
    with pytest.raises(SettingsError, match=sentence) as refused:
        rules_for(**{**plain, **options}, danger="read every study")
    assert "hunter2" not in str(refused.value)


def test_an_address_that_is_not_here_is_refused(save_dir: Path) -> None:
    place = ("--host", "203.0.113.1", "--allow-remote", "--token", TOKEN)
    _, errors = run("dashboard", "--save-dir", str(save_dir), *place, expect=2)
    assert "cannot be listened on" in errors
    assert TOKEN not in errors


def test_a_proxys_name_is_answered(save_dir: Path) -> None:
    with dashboard(save_dir, "--allowed-host", "Tuner.example", "--token", TOKEN) as running:
        headers = {"Host": "tuner.example", "Authorization": f"Bearer {TOKEN}"}
        assert running.get("/api/studies", **headers, Origin="https://tuner.example").status == 200
        assert running.get("/api/studies", **{**headers, "Host": "other.example"}).status == 403
        assert "Secure" in running.get(f"/?token={TOKEN}", X_Forwarded_Proto="https").headers["Set-Cookie"]


@pytest.mark.parametrize(("host", "loopback"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("::", False)])
def test_what_counts_as_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
