"""The same findings as an executed Jupyter notebook, for teaching: its cells may be changed and run again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.escaping import escaped
from ..core.files import write_text

NAME = "diagnosis.ipynb"
ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS_A_CELL, SECONDS_TO_START = 3600, 600

# A text, and the code under it; ``{}`` are filled in.
Lesson = Sequence[tuple[str, str]]

LESSON: Lesson = (
    (
        "# {title}\n\nWhat a network has learned and where it fails. Every cell calls what `./run_tuning.sh diagnose` "
        "calls: change a number, run the cell again, and see what follows. `diagnosed` holds the network, the "
        "sequences it is judged by, and its training's record.",
        "import sys\nimport warnings\n\nsys.path.insert(0, {root!r})\n"
        'warnings.filterwarnings("ignore", message="IProgress")\n\nimport torch\n\n'
        "from tune.cli.commands.lesson import of_model, "
        "of_study, show\n\n"
        'diagnosed = {again}\nprint("\\n".join(diagnosed.notes))\ndiagnosed.first.network',
    ),
    (
        "## Data\n\nBefore looking at a network look at what it was given. Would you tell these classes apart "
        "yourself?",
        "from tune.diagnosis.sections.data import class_balance, examples, lengths, people_balance\n\n"
        "for look in (examples, lengths, class_balance, people_balance):\n    show(look(diagnosed))",
    ),
    (
        "## Learning\n\nThe two curves of the loss say whether more training, or more data, would help.",
        "from tune.diagnosis.sections.learning import curves\n\nshow(curves(diagnosed))",
    ),
    (
        "## Errors\n\nThe confusion matrix says which class is confused with which. *Try:* leave the sequences that "
        "the network is unsure of out, and see how many mistakes are left.",
        "from tune.diagnosis.sections.errors import accuracy_by_length, by_person, confusion, report\n\n"
        "for look in (confusion, report, by_person, accuracy_by_length):\n    show(look(diagnosed))",
    ),
    (
        "Every prediction comes with a confidence. How often is one correct that is made with so much of it?",
        "sure_enough = 0.9  # change me\n"
        "confidence = diagnosed.probabilities.max(dim=1).values\n"
        "right = diagnosed.predicted == diagnosed.labels\n"
        "kept = confidence >= sure_enough\n"
        "wrong = int((~right & kept).sum())\n"
        'print(f"{{int(kept.sum())}} of {{len(kept)}} predictions are that sure, {{wrong}} of them are wrong")',
    ),
    (
        "The reliability diagram shows the same for all confidences at once; then the mistakes themselves.",
        "from tune.diagnosis.sections.calibration import calibration\nfrom tune.diagnosis.sections.mistakes import "
        "mislabelled, mistakes\n\nfor look in (calibration, mistakes, mislabelled):\n    show(look(diagnosed))",
    ),
    (
        "## Memory\n\nA recurrent network carries a state $h_t$ from step to step. Its many dimensions are drawn in "
        "the two in which they vary most (principal components): each sequence is a path.",
        "from tune.diagnosis.sections.trajectories import trajectories\nfrom tune.diagnosis.sections.units import "
        "units\n\nfor picture in (*trajectories(diagnosed), units(diagnosed)):\n    show(picture)",
    ),
    (
        "*Try:* how many components are needed for half of the variance, or for 99%?",
        "from tune.diagnosis.measures.projections import principal_components\nfrom tune.diagnosis.reading import "
        "recorded, shown_layers\n\nlayers, labels = recorded(diagnosed)\nlayer = shown_layers(layers)[-1]\nreal = "
        "torch.cat([layer.states[k, : int(n)] for k, n in enumerate(layer.lengths)])\ncomponents = "
        "principal_components(real)\n{{share: components.needed_for(share) for share in (0.5, 0.9, 0.99)}}",
    ),
    (
        "What the head is given of each sequence, as a map: t-SNE keeps neighbours together. Distances between groups "
        "mean nothing in it.",
        "from tune.diagnosis.sections.pooled import pooled_map\n\nshow(pooled_map(diagnosed))",
    ),
    (
        "Attention and convolutions, where the network has them.",
        "from tune.diagnosis.sections.attention import attention\nfrom tune.diagnosis.sections.convolutions import "
        "filters\n\nfor picture in (*attention(diagnosed), *filters(diagnosed)):\n    show(picture)",
    ),
    (
        "## Gradients\n\nA network learns from an early step only as much as the gradient of the loss brings back to "
        "it. In a plain recurrent network it is multiplied by the same matrix at every step on the way, so that it "
        "falls (or grows) exponentially: the vanishing gradient (Hochreiter 1991; Bengio et al. 1994).",
        "from tune.diagnosis.measures.gradients import gradient_norms\nfrom tune.diagnosis.sections.gradients import "
        "fresh_network, of_the_input, of_the_states\nfrom tune.diagnosis.sections.norms import chosen_batch\n\nbatch = "
        "chosen_batch(diagnosed)\ntrained, fresh = (\n    gradient_norms(network, batch.values, batch.lengths, "
        "batch.labels)\n    for network in (diagnosed.first.network, "
        "fresh_network(diagnosed))\n)\nshow(of_the_input(diagnosed, trained, fresh, batch))\nfor picture in "
        "of_the_states(diagnosed, trained, fresh, batch):\n    show(picture)",
    ),
    (
        "Bare networks of the same size, side by side: an RNN, a GRU, an LSTM. *Try:* other networks, or none.",
        "from tune.diagnosis.baselines import baselines\nfrom tune.diagnosis.sections.vanishing import vanishing\n\n"
        "against = {against!r}  # any of rnn, gru, lstm\n"
        "show(vanishing(diagnosed, baselines(diagnosed, against) if against else ()))",
    ),
    (
        "Which steps and channels do the predictions rest on? Integrated gradients say, and the deletion curves check "
        "them.",
        "from tune.diagnosis.sections.attribution import attribution\n\n"
        "for picture in attribution(diagnosed):\n    show(picture)",
    ),
)


def write_notebook(title: str, again: str, against: Sequence[str], folder: Path) -> Path:
    """Executes the notebook and writes it with what came out.

    Args:
        title: Of what is looked at.
        again: A call of ``tune.cli.commands.lesson`` that finds it.
        against: Networks to compare gradients with.
        folder: Made if it is not there.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell fails.
        OSError: If it cannot be written.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = unexecuted(title, again, against)
    folder.mkdir(parents=True, exist_ok=True)
    place = {"metadata": {"path": str(folder)}}
    # The kernel is reached by this machine only, with signed messages; its warning that others could read them is left
    # out. A busy machine takes long to start it.
    NotebookClient(
        notebook,
        timeout=SECONDS_A_CELL,
        startup_timeout=SECONDS_TO_START,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        resources=place,
    ).execute()
    path = folder / NAME
    write_text(path, f"{nbformat.writes(notebook)}\n")  # type: ignore[no-untyped-call]
    return path


def unexecuted(title: str, again: str, against: Sequence[str]) -> Any:
    """The notebook before it is executed."""
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    given = {"title": escaped(title), "root": str(ROOT), "again": again, "against": tuple(against)}
    cells = []
    for text, code in LESSON:
        cells.append(new_markdown_cell(text.format(**given)))  # type: ignore[no-untyped-call]
        cells.append(new_code_cell(code.format(**given)))  # type: ignore[no-untyped-call]
    # Otherwise each has a random name, and no two executions would be alike.
    for k, cell in enumerate(cells):
        cell["id"] = f"cell-{k}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return new_notebook(cells=cells, metadata=about)  # type: ignore[no-untyped-call]
