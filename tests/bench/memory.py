"""The memory of processes and their children, over a time."""
import pathlib, threading


def field(pid, name):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


def family(pid):
    """`pid` and all below it."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                found += family(int(child))
        except OSError:
            continue
    return found


class Peak:
    """While it lives: the largest sums, in KiB, of the anonymous and of all resident memory of some processes' families."""

    def __init__(self, pids):
        self.pids = pids
        self.anonymous = self.resident = 0
        self.stop = threading.Event()
        self.watcher = threading.Thread(target=self.watch)

    def __enter__(self):
        self.watcher.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.watcher.join()

    def watch(self):
        while True:
            anonymous = resident = 0
            for pid in self.pids:
                try:
                    for process in family(pid):
                        anonymous += field(process, "RssAnon")
                        resident += field(process, "VmRSS")
                except OSError:
                    continue
            self.anonymous = max(self.anonymous, anonymous)
            self.resident = max(self.resident, resident)
            if self.stop.wait(0.02):
                return
