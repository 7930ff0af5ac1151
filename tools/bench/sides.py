"""The two sides of the comparison, as processes that run pieces on command: pg-pieces with a plan, and peer.py in one mode."""
import json
import os
import random
import select
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NUMERICS = ("bf16", "f32")  # the peer's: autocast to bf16, or float32
OWN = {"bf16": ("bf16", "autocast"), "f32": ("f32",)}  # ours that are compared with each, the first more precise
VOCAB = 8192

sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "golden"))
from safetensors import save_shard  # the project's own, of the standard library alone


LONGEST = 600  # seconds that a command or a piece may take: torch.compile's first call takes longest


class Failed(Exception):
    """A measurement that did not come about. The others go on."""


def run(*command, **options):
    """Runs a command to its end; its output, and how long it took in seconds."""
    begin = time.time()
    try:
        result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=LONGEST, **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(str(error)) from error
    if result.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}\nexited with {result.returncode}\n{result.stdout}{result.stderr}")
    return result, time.time() - begin


def peak_of(*command):
    """Runs a command to its end; its output, and its own peak of memory in MiB, at which its like is measured elsewhere here."""
    with open(os.devnull) as nothing, subprocess.Popen([str(part) for part in command], stdin=nothing, stdout=subprocess.PIPE,
                                                       stderr=subprocess.STDOUT, text=True) as process:
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}\nexited with {process.returncode}\n{output}")
    return output, usage.ru_maxrss / 1024


def definitions(values):
    return [f"-D{name}={value}" for name, value in values.items()]


class Worker:
    """One side, started and waiting."""

    def __init__(self, label, command, environment=None):
        self.label, self.started = label, time.time()
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=os.environ | (environment or {}))

    def ask(self, *words):
        """The answer to one command, as a dictionary."""
        what = f"{self.label} at '{' '.join(map(str, words))}'"
        try:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
            if not select.select([self.process.stdout], [], [], LONGEST)[0]:
                self.process.kill()
                raise Failed(f"{what} took longer than {LONGEST} s")
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise Failed(f"{what} ended with status {self.process.wait()}")
        try:
            return json.loads(line)
        except ValueError as error:
            raise Failed(f"{what} said: {line.strip()}") from error

    def __enter__(self):
        return self

    def __exit__(self, *error):
        try:
            self.process.stdin.close()
            self.process.wait(timeout=None if error[0] is None else 5)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Bench:
    """Where things are, and what is measured how often."""

    def __init__(self, options, folder, table):
        self.options, self.folder, self.table = options, folder, table
        self.failed = False
        self.weights, self.shard = self.file("weights.safetensors"), self.file("train_000000.bin")
        self.plans = {}

    def file(self, name):
        return os.path.join(self.folder, name)

    def tool(self, name):
        return os.path.join(self.options.build, "bin", name)

    def peer(self, *arguments):
        return [self.options.python, os.path.join(HERE, "peer.py"), *arguments]

    def say(self, text):
        print(f"  {text}", file=sys.stderr, flush=True)

    def write_shard(self, path, tokens, vocab):
        generator = random.Random(1)
        save_shard(path, [generator.randrange(vocab) for _ in range(tokens)])

    def draw(self, tokens):
        """The weights and tokens that both sides take. Without the peer, ours starts from its own initial weights."""
        self.write_shard(self.shard, tokens, VOCAB)
        if not self.options.mode:
            self.weights = "-"
        elif not os.path.exists(self.weights):
            run(*self.peer("draw", self.weights))

    def initial(self):
        """pgrt's option for the weights."""
        return [] if self.weights == "-" else ["--init", self.weights]

    def plan(self, *options):
        """The path of a plan of the model, and the seconds that compiling it took."""
        if options not in self.plans:
            path = self.file(f"{len(self.plans)}.plan")
            _, seconds = run(self.tool("pgc"), os.path.join(self.options.models, "sp8192_recur.pgm"), "-o", path, *options)
            self.plans[options] = path, seconds
        return self.plans[options]

    def ours(self, *options, label="ours"):
        return Worker(label, [self.tool("pg-pieces"), self.plan(*options)[0], self.weights, self.shard])

    def theirs(self, mode, numerics, seq, use=""):
        """`use`: what shares the folder in which torch.compile keeps what it has compiled."""
        cache = {"TORCHINDUCTOR_CACHE_DIR": self.file(f"inductor-{mode}-{numerics}-{seq}{use}")}
        return Worker(mode, self.peer("serve", self.weights, self.shard, "--mode", mode, "--numerics", numerics, "--seq", seq), cache)

    def in_turn(self, workers, role, phase="plain", sequences=1, loss_within=None):
        """Runs one piece on all sides in turn, `repetitions` times after those that warm up. {label: {seconds, first, loss, …}}. Ours comes
        first, and says how many sequences it takes. Another side that fails, or whose loss is further from ours than
        `loss_within`, is said to, and left out of `workers` from then on."""
        results = {}
        for round_ in range(-self.options.warm_up, self.options.repetitions):
            for worker in list(workers):
                phased = worker.label in self.options.mode or role in ("train", "update")  # our evaluations have one form alone
                try:
                    answer = worker.ask(role, *((phase, sequences) if phased else ()))
                    self.compare_loss(answer, results.get("ours"), loss_within)
                except Failed as error:
                    if worker.label == "ours":
                        raise
                    self.fail(f"{role} {phase}: {worker.label}: {error}")
                    workers.remove(worker)
                    results.pop(worker.label, None)
                    continue
                sequences = answer.get("sequences") or sequences
                result = results.setdefault(worker.label, {"times": []} | answer)
                self.say(f"{role} {phase}: {worker.label} {answer['seconds']:.3f} s" + (" (warm-up)" if round_ < 0 else ""))
                result.setdefault("first", answer["seconds"])
                if round_ >= 0:
                    result["times"].append(answer["seconds"])
        for result in results.values():
            result["seconds"] = statistics.median(result["times"])
            result["sequences"] = sequences
        return results

    @staticmethod
    def compare_loss(answer, ours, within):
        if within and ours and not abs(answer["loss"] / ours["loss"] - 1) <= within:
            raise Failed(f"its loss is {answer['loss']}, ours {ours['loss']}: not the same model")

    def fail(self, text):
        """Something was not measured; the rest goes on."""
        self.failed = True
        self.table.note("FAILED: " + text)
