"""How long C takes for one sequence beside onnxruntime: one thread, processor time, in turn, so that all meet the same.

Networks are untrained, which makes no difference to their speed; ``gru`` is the first configuration of a study. With
``--emulated`` it counts instructions of processors that have no onnxruntime, in QEMU, and what cycles these take.

    PYTHONPATH=. .venv/bin/python benchmarks/device.py [--seconds 2] [--only gru lstm] [--emulated]
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from benchmarks.export import DATA, PLAIN_GRU, model_of
from models import ARCHITECTURES
from tune.deploy.c.calibration import input_scales
from tune.deploy.c.compiled import CompiledClassifier
from tune.deploy.c.source import Source, size_of, to_c
from tune.deploy.classifier import Classifier, OnnxClassifier
from tune.deploy.metadata import facts_of
from tune.deploy.onnx_model import to_onnx

FLAGS = {"-O2": ("-O2",), "-O3": ("-O3",), "-O3 for this processor": ("-O3", "-march=native", "-ffp-contract=fast")}
N_ROUNDS = 15
EMULATOR = ("qemu-system-arm", "-M", "mps2-an386", "-nographic", "-semihosting")
BOARD = Path(__file__).parents[1] / "tests/tune/deploy/c/board"
CORTEX = {
    "M4": ("-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
    "M0+": ("-mcpu=cortex-m0plus",),
}
# Least and most cycles of what a Cortex-M4 carries out in other than one, memory without wait states (Arm 100166_0001,
# tables 3-1 and 7-1, section 3.3.2); of several registers, one for each is added, and for every branch that is taken,
# what it takes to fill the pipeline.
CYCLES = (
    (r"v?(ldm|stm|push|pop)", (1, 1)),
    (r"(ldr|str)d|v(ldr|str)[^,]*d\d", (3, 3)),
    (r"vdiv|vsqrt", (14, 14)),
    (r"v(n?ml[as]|fn?m[as])\b", (3, 3)),
    (r"v(ldr|str)", (2, 2)),
    (r"ldr|str", (1, 2)),
    (r"[su]div", (2, 12)),
    (r"tb[bh]", (2, 2)),
    (r"it", (0, 1)),
)
REFILLED = (1, 3)
# With ``-icount shift=0`` QEMU lets a nanosecond go by for each instruction; the board's clock has 25 MHz.
INSTRUCTIONS_A_TICK = 40
MAIN = """
#include "model.h"
#include <stdio.h>
#define TIMER ((volatile unsigned *)0xE000E010u)
int main(void)
{
    static float values[N_STEPS * MODEL_N_CHANNELS], logits[MODEL_N_CLASSES];
    for (int k = 0; k < N_STEPS * MODEL_N_CHANNELS; k++) {
        values[k] = (float)(k % 7) - 3.0f;
    }
    TIMER[1] = 0xFFFFFF, TIMER[2] = 0, TIMER[0] = 5;
    model_classify(values, N_STEPS, logits);
    printf("%u", TIMER[0] >> 16 & 1 ? 0 : 0xFFFFFF - TIMER[2]); /* Nothing, if it went round. */
    return 0;
}
"""


def seconds_a_run(classifiers: list[Classifier], n_steps: int, seconds: float) -> np.ndarray:
    """Processor time of one sequence, [rounds, classifiers]."""
    n_channels = len(classifiers[0].facts.channel_names)
    values = np.random.default_rng(0).standard_normal((1, n_steps, n_channels)).astype(np.float32)
    lengths, found = np.array([n_steps]), []
    for _ in range(N_ROUNDS):
        taken = []
        for classifier in classifiers:
            classifier.run(values, lengths)
            n_runs, begun = 0, time.process_time()
            while (now := time.process_time()) - begun < seconds / N_ROUNDS:
                classifier.run(values, lengths)
                n_runs += 1
            taken.append((now - begun) / n_runs)
        found.append(taken)
    return np.array(found)


def program_of(source: Source, n_steps: int, options: tuple[str, ...], folder: Path) -> Path:
    """Compiled for a board: classifies one sequence."""
    for file, text in (("model.h", source.header), ("model.c", source.code), ("main.c", MAIN)):
        (folder / file).write_text(text)
    files: list[str | Path] = [
        BOARD / "start.c",
        folder / "main.c",
        folder / "model.c",
        "-lm",
        "-o",
        folder / "program",
    ]
    linked: list[str | Path] = ["--specs=rdimon.specs", "-T", BOARD / "mps2.ld", f"-DN_STEPS={n_steps}"]
    subprocess.run(["arm-none-eabi-gcc", "-mthumb", "-std=c99", "-Os", *options, *linked, *files], check=True)
    return folder / "program"


def instructions(program: Path) -> int:
    """How many a processor carries out for one sequence; zero where they are more than its timer counts."""
    command: list[str | Path] = [*EMULATOR, "-icount", "shift=0", "-kernel", program]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=300, check=True)
    return int(done.stdout) * INSTRUCTIONS_A_TICK


def cycles(program: Path) -> tuple[int, int]:
    """Least and most that a Cortex-M4 takes for a program: instructions as the emulator reads and repeats them."""
    command: list[str | Path] = [*EMULATOR, "-d", "in_asm,exec,nochain", "-D", "/dev/stderr", "-kernel", program]
    blocks, block, before = dict[int, list[tuple[int, str]]](), list[tuple[int, str]](), 0
    counted, taken = Counter[int](), 0
    emulator = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    with emulator:
        for line in emulator.stderr or ():
            if line.startswith("Trace"):
                begin = int(line.split("/")[1], 16)
                taken += begin != before
                counted[begin] += 1
                before = blocks[begin][-1][0]
            elif line.startswith("IN:"):
                block = []
            elif found := re.match(r"0x([0-9a-f]+):  ((?:[0-9a-f]{4} ?)+) +(\S.*)", line):
                if not block:
                    blocks[int(found[1], 16)] = block
                block.append((int(found[1], 16) + len(found[2].replace(" ", "")) // 2, found[3]))
    bounds = [taken * refilled for refilled in REFILLED]
    for begin, times in counted.items():
        for k in range(2):
            bounds[k] += times * sum(_cycles(text)[k] for _, text in blocks[begin])
    return bounds[0], bounds[1]


def _cycles(instruction: str) -> tuple[int, int]:
    for pattern, (least, most) in CYCLES:
        if re.match(pattern, instruction):
            n_registers = _n_registers(instruction)
            return least + n_registers, most + n_registers
    return 1, 1


def _n_registers(instruction: str) -> int:
    """In braces."""
    inside = re.search(r"\{(.*)\}", instruction)
    return 0 if inside is None else sum(2 if one.strip().startswith("d") else 1 for one in inside[1].split(","))


def main() -> None:
    """Prints a table."""
    writable = [PLAIN_GRU, *(name for name in ARCHITECTURES if name != "minirocket")]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--only", nargs="+", choices=writable, default=writable, help="networks")
    parser.add_argument("--emulated", action="store_true", help="count instructions in QEMU (cycles)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    forms = [f"{precision} {flags}" for precision in ("float", "int8") for flags in FLAGS]
    if arguments.emulated:
        forms = [f"{precision} {processor}" for precision in ("float", "int8") for processor in CORTEX]
    head = ["data", "network", "multiply-adds", *([] if arguments.emulated else ["onnxruntime"]), *forms]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for data, (kind, channels, n_classes, n_steps) in DATA.items():
        for architecture in arguments.only:
            model = model_of(architecture, kind, channels, n_classes, n_steps)
            noise = [np.random.default_rng(0).standard_normal((n_steps, len(channels))).astype(np.float32)]
            sources = [to_c(model), to_c(model, input_scales(model, noise))]
            begin = f"| {data} | {architecture} | {size_of(model, sources[0]).macs:,} | "
            if arguments.emulated:
                counted = []
                for source in sources:
                    for processor, options in CORTEX.items():
                        with tempfile.TemporaryDirectory() as name:
                            program = program_of(source, n_steps, options, Path(name))
                            n = instructions(program)
                            counted.append(f"{n:,}" if n else "more")
                            if processor == "M4":
                                counted[-1] += " ({:,} to {:,})".format(*cycles(program))
                print(begin + " | ".join(counted) + " |", flush=True)
                continue
            classifiers: list[Classifier] = [OnnxClassifier(to_onnx(model), architecture)]
            classifiers += [
                CompiledClassifier(source, facts_of(model), flags) for source in sources for flags in FLAGS.values()
            ]
            taken = seconds_a_run(classifiers, n_steps, arguments.seconds)
            ratios = np.median(taken[:, 1:] / taken[:, :1], axis=0)
            print(
                begin + f"{1e6 * np.median(taken[:, 0]):.0f} µs | " + " | ".join(f"{one:.2f}" for one in ratios) + " |",
                flush=True,
            )


if __name__ == "__main__":
    main()
