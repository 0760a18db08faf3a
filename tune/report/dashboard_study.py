"""A study as optuna-dashboard's page asks for it, in a fraction of the time and the bytes.

By itself it sends every range with every trial, of which the page reads none, and long attributes, which would fill
the screen; and for each answer it compares the ranges of all trials with each other again. Here trials are written
once, and without both. The best trial is the one to use: what did not repeat with fresh seeds is not called the best.
Everything else is what optuna-dashboard 0.21 answers of a study in which one trial stands for all that were drawn alike
and have the same attributes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from copy import copy
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from optuna import Study
from optuna.trial import FrozenTrial, TrialState
from optuna_dashboard import wsgi
from optuna_dashboard._serializer import serialize_frozen_trial

from ..study.database import StudyDatabase
from ..study.selection import stored_confirmation
from ..study.store import identity, study_of, system_attributes

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from optuna.artifacts import FileSystemArtifactStore

_STUDY = re.compile(r"/api/studies/(\d+)/?")
_MOST_CHARACTERS = 300


def brief(
    application: WSGIApplication, storage: StudyDatabase, artifact_store: FileSystemArtifactStore | None = None
) -> WSGIApplication:
    """The application, which is optuna-dashboard's of this storage, with its answers of one study made here."""
    written: dict[int, _Written] = {}
    in_turn = Lock()
    # Who asks for all trials of a study is given those that stand for the others.
    represented = StudyDatabase.__new__(StudyDatabase)
    represented.__dict__.update(storage.__dict__)
    represented.get_best_trial = lambda study_id: _to_use(written[study_id].study) or storage.get_best_trial(study_id)  # type: ignore[method-assign]
    represented.get_all_trials = lambda study_id, **_: _representatives(written[study_id].study)  # type: ignore[method-assign]

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        found = _STUDY.fullmatch(environ.get("PATH_INFO", ""))
        after = parse_qs(environ.get("QUERY_STRING", "")).get("after", ["0"])[0]
        if found is None or environ["REQUEST_METHOD"] != "GET" or not after.isdecimal():
            return application(environ, start_response)
        study_id = int(found[1])
        try:
            study = study_of(storage, storage.get_study_name_from_id(study_id))
        except KeyError:
            return application(environ, start_response)

        def begin(status: str, headers: list[tuple[str, str]], *exception: Any) -> Any:
            return start_response(status, [one for one in headers if one[0].lower() != "content-length"], *exception)

        with in_turn:
            if study_id not in written or identity(study) is None or identity(study) != written[study_id].identity:
                written.clear()
                written[study_id] = _Written(study, study_id)
            trials = written[study_id].texts()[int(after) :]
            # Anew each time, since optuna-dashboard keeps what it has seen of a study's trials by their numbers.
            rest = wsgi(represented, artifact_store=artifact_store)
            body = b"".join(rest({**environ, "QUERY_STRING": f"after={2**31}"}, begin))
        # Within a text the quotation marks would have backslashes.
        return [body.replace(b'"trials": []', b'"trials": [' + ",".join(trials).encode() + b"]", 1)]

    return answer


class _Written:
    """The trials of a study as they are sent.

    Attributes:
        study: Whose trials they are.
        study_id: Its number in the database.
        identity: Its random id; another study may get its number.
    """

    def __init__(self, study: Study, study_id: int) -> None:
        self.study, self.study_id, self.identity = study, study_id, identity(study)
        self._attributes: dict[str, Any] = {}
        self._finished: list[str] = []

    def texts(self) -> list[str]:
        """Each trial as JSON, by number."""
        trials, attributes = self.study.get_trials(deepcopy=False), system_attributes(self.study)
        if attributes != self._attributes:  # Where the dashboard keeps what people write beside trials.
            self._attributes, self._finished = attributes, []
        texts = [*self._finished, *(_as_json(self.study_id, one, attributes) for one in trials[len(self._finished) :])]
        n_finished = next((k for k, one in enumerate(trials) if not one.state.is_finished()), len(trials))
        self._finished = texts[:n_finished]
        return texts


def _as_json(study_id: int, trial: FrozenTrial, study_attributes: dict[str, Any]) -> str:
    light = copy(trial)
    light.params, light.user_attrs = {}, {key: value for key, value in trial.user_attrs.items() if _is_short(value)}
    drawn = trial.distributions
    found: dict[str, list[dict[str, Any]]] = {
        "params": [
            {
                "name": name,
                "param_internal_value": drawn[name].to_internal_repr(value),
                "param_external_value": str(value),
            }
            for name, value in trial.params.items()
        ]
    }
    if all(map(math.isfinite, trial.intermediate_values.values())):  # The others have words.
        light.intermediate_values = {}
        steps = sorted(trial.intermediate_values.items())
        found["intermediate_values"] = [{"step": step, "value": value} for step, value in steps]
    text = json.dumps(serialize_frozen_trial(study_id, light, study_attributes))
    for name, values in found.items():
        text = text.replace(f'"{name}": []', f'"{name}": {json.dumps(values)}', 1)
    return text


def _is_short(value: Any) -> bool:
    return not isinstance(value, str | list | dict) or len(str(value)) <= _MOST_CHARACTERS


def _representatives(study: Study) -> list[FrozenTrial]:
    trials = study.get_trials(deepcopy=False)
    alike: dict[Any, FrozenTrial] = {}
    for trial in trials:
        kinds = tuple((key, type(value)) for key, value in trial.user_attrs.items() if _is_short(value))
        key = id(trial.distributions), kinds, bool(trial.intermediate_values), trial.state
        alike.setdefault(key, trial)
    best = _best_of(study, trials)
    return sorted({trial.number: trial for trial in (*alike.values(), *best)}.values(), key=lambda one: one.number)


def _to_use(study: Study) -> FrozenTrial | None:
    """The trial that fresh seeds have confirmed; None without a confirmation."""
    found = stored_confirmation(study)
    trial = None if found is None else study.get_trials(deepcopy=False)[found["winner"]]
    # One that was left unfinished has no value yet, which the page asks for.
    return trial if trial is not None and trial.state == TrialState.COMPLETE else None


def _best_of(study: Study, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Of one objective the dashboard asks the database for the best."""
    has_one = len(study.directions) == 1 or all(trial.state != TrialState.COMPLETE for trial in trials)
    return [] if has_one else study.best_trials
