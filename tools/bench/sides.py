"""The two sides of the comparison, as processes that run pieces on command: pg-pieces with a plan, and peer.py in one mode."""
import json
import os
import random
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NUMERICS = ("bf16", "f32")
VOCAB = 8192

sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "golden"))
from safetensors import save_shard  # the project's own, of the standard library alone


def run(*command, **options):
    """Runs a command to its end; its output, and how long it took in seconds."""
    begin = time.time()
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nexited with {result.returncode}\n{result.stdout}{result.stderr}")
    return result, time.time() - begin


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
        try:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            sys.exit(f"{self.label} ended at '{' '.join(map(str, words))}' with status {self.process.wait()}")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Bench:
    """Where things are, and what is measured how often."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
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

    def ours(self, *options):
        return Worker("ours", [self.tool("pg-pieces"), self.plan(*options)[0], self.weights, self.shard])

    def theirs(self, mode, numerics, seq):
        cache = {"TORCHINDUCTOR_CACHE_DIR": self.file(f"inductor-{mode}-{numerics}-{seq}")}
        return Worker(mode, self.peer("serve", self.weights, self.shard, "--mode", mode, "--numerics", numerics, "--seq", seq), cache)

    def in_turn(self, workers, role, phase="plain", sequences=1, loss_within=None):
        """Runs one piece on all sides in turn, `medians` times after those that warm up. {label: {seconds, first, loss, …}}. Ours comes
        first, and says how many sequences it takes. An error if the losses are further apart than `loss_within`."""
        results = {}
        for round_ in range(-self.options.warm_up, self.options.medians):
            for worker in workers:
                phased = worker.label != "ours" or role in ("train", "update")  # our evaluations have one form alone
                answer = worker.ask(role, *((phase, sequences) if phased else ()))
                sequences = answer.get("sequences") or sequences
                result = results.setdefault(worker.label, {"times": []} | answer)
                self.say(f"{role} {phase}: {worker.label} {answer['seconds']:.3f} s" + (" (warm-up)" if round_ < 0 else ""))
                result.setdefault("first", answer["seconds"])
                if round_ >= 0:
                    result["times"].append(answer["seconds"])
        for label, result in results.items():
            result["seconds"] = statistics.median(result["times"])
            result["sequences"] = sequences
            if loss_within and abs(result["loss"] / results["ours"]["loss"] - 1) > loss_within:
                sys.exit(f"{role} {phase}: {label} has loss {result['loss']}, ours has {results['ours']['loss']}: not the same model")
        return results
