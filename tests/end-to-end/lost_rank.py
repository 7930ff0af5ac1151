"""Starts a run on four ranks under mpirun and, in the midst of its training, kills a rank or interrupts it.

lost_rank.py FOLDER kill|interrupt RANK -- PGRT ARGUMENTS…

Each rank runs under a shell that outlives it and sleeps: the launcher sees nothing, what ends the others is their own finding.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

RANKS = 4
PATIENCE = 10  # seconds until all others have ended; on an idle machine it takes well under one

folder, action, victim = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
command = sys.argv[5:] + ["--out", str(folder / "run")]
folder.mkdir(parents=True)
wrapper = folder / "rank.sh"
wrapper.write_text(
    f"""cd {folder}
r=$OMPI_COMM_WORLD_RANK
"$@" 2> errors.$r & echo $! > part.$r && mv part.$r pid.$r
wait $!
echo $? > part.$r && mv part.$r status.$r
sleep {2 * PATIENCE}
"""
)
mpirun = subprocess.Popen(
    ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(RANKS), "sh", str(wrapper), *command],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
)


def await_all(what, seconds, condition):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            errors = "".join((folder / f"errors.{r}").read_text() for r in range(RANKS))
            raise SystemExit(f"{what} did not happen within {seconds} s\n{errors}")
        time.sleep(0.01)


def steps():
    log = folder / "run" / "log.jsonl"
    return log.read_text().count("\n") if log.exists() else 0


try:
    await_all("training", 60, lambda: steps() >= 3)
    pid = {r: int((folder / f"pid.{r}").read_text()) for r in range(RANKS)}
    before = steps()
    os.kill(pid[victim], signal.SIGKILL if action == "kill" else signal.SIGINT)
    await_all("the end of all ranks", PATIENCE, lambda: all((folder / f"status.{r}").exists() for r in range(RANKS)))
    for rank in range(RANKS):
        status = int((folder / f"status.{rank}").read_text())
        errors = (folder / f"errors.{rank}").read_text()
        if action == "interrupt":
            assert status == 0 and not errors, (rank, status, errors)
        elif rank != victim:
            assert status == 3, (rank, status, errors)
            assert f"rank {victim} (" in errors and f"process {pid[victim]}) is lost" in errors, errors
    lines = (folder / "run" / "log.jsonl").read_text().splitlines()
    assert len(lines) >= before and [json.loads(line)["step"] for line in lines] == list(range(len(lines)))
    assert (folder / "run" / "final.safetensors").exists() == (action == "interrupt")
finally:
    os.killpg(mpirun.pid, signal.SIGTERM)
    mpirun.wait()
