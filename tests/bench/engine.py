"""What the benchmarks share: commands, and a gantryd with folders of its own."""
import json, os, pathlib, shutil, signal, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(command, env=None, check=True):
    done = subprocess.run(command, env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if check and done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.decode()}")
    return done.stdout.decode()


def timed(command, env):
    start = time.perf_counter()
    run(command, env)
    return (time.perf_counter() - start) * 1000


def memory_kib(pid, field):
    with open(f"/proc/{pid}/{'smaps_rollup' if field.startswith('Private') else 'status'}") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith(field))


class Gantryd:
    def __init__(self, build, registries):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="gantry-bench-"))
        self.host = f"unix://{self.root}/gantry.sock"
        self.env = {"GANTRY_HOST": self.host, "DOCKER_HOST": self.host, "DOCKER_CONFIG": str(self.root / "client")}
        self.cli = str(build / "bin/gantry")
        config = {"data-root": f"{self.root}/data", "exec-root": f"{self.root}/exec", "hosts": [self.host],
                  "pidfile": f"{self.root}/pid", "cgroup-parent": self.root.name, "live-restore": True, "bip": "172.30.0.1/16",
                  "plugin-dirs": [str(build / "lib/gantry/plugins")], "insecure-registries": registries}
        (self.root / "daemon.json").write_text(json.dumps(config))
        self.build = build
        self.start()

    def start(self):
        """Returns when it answers."""
        self.process = subprocess.Popen([self.build / "bin/gantryd", "--config-file", self.root / "daemon.json"],
                                        stdout=open(self.root / "log", "a"), stderr=subprocess.STDOUT)
        while subprocess.run([self.cli, "version"], env={**os.environ, **self.env}, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL).returncode != 0:
            if self.process.poll() is not None:
                sys.exit((self.root / "log").read_text())
            time.sleep(0.005)

    def shims(self):
        """The process ids of this daemon's shims: each works in its own folder under the exec root."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if (process / "comm").read_text() == "gantry-shim\n" and self.root in (process / "cwd").readlink().parents:
                    found.append(int(process.name))
            except OSError:
                continue
        return found

    def close(self):
        ids = run([self.cli, "ps", "-aq"], self.env).split()
        if ids:
            run([self.cli, "rm", "-f", *ids], self.env)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        for controller in pathlib.Path("/sys/fs/cgroup").glob(f"*/{self.root.name}"):
            controller.rmdir()
        shutil.rmtree(self.root, ignore_errors=True)
