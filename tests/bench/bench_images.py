"""Images for tests/bench/transfers, made of this host's /usr: it compresses as a distribution does, about 1 to 3."""
import concurrent.futures, gzip, hashlib, http.client, io, json, os, pathlib, subprocess, tarfile, tempfile, time

LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
LARGEST_FILE = 64 << 20


def sha256(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def chosen_files(total):
    """Pairs of path and size, in the order of the tree, until their sizes sum up to `total`."""
    left = total
    for folder, folders, files in os.walk("/usr"):
        folders[:] = sorted(name for name in folders if (folder, name) not in (("/usr", "local"), ("/usr", "src")))
        for name in sorted(files):
            path = os.path.join(folder, name)
            size = os.lstat(path).st_size
            if size > LARGEST_FILE or not (os.path.isfile(path) or os.path.islink(path)):
                continue
            yield path, size
            left -= size + 512
            if left < 0:
                return


def entry_of(archive, path):
    entry = archive.gettarinfo(path)
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 1700000000
    # A hard link whose other name is in another layer would lead nowhere.
    if entry.islnk():
        entry.type, entry.size = tarfile.REGTYPE, os.lstat(path).st_size
    return entry


class Layer:
    """<place>/<number>.tar and .tar.gz."""

    def __init__(self, place, number):
        self.plain = place / f"{number}.tar"
        self.packed = place / f"{number}.tar.gz"

    def make(self, files):
        with tarfile.open(self.plain, "w", format=tarfile.GNU_FORMAT) as archive:
            seen = set()
            for path, _ in files:
                for parent in reversed(pathlib.Path(path).parents[:-1]):
                    if parent not in seen:
                        seen.add(parent)
                        archive.addfile(entry_of(archive, str(parent)))
                entry = entry_of(archive, path)
                if entry.isreg():
                    with open(path, "rb") as content:
                        archive.addfile(entry, content)
                else:
                    archive.addfile(entry)
        with open(self.packed, "wb") as out, gzip.GzipFile("", "wb", 6, out, mtime=0) as packer, open(self.plain, "rb") as plain:
            while piece := plain.read(1 << 20):
                packer.write(piece)

    def digest(self, path):
        hashed = hashlib.sha256()
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                hashed.update(piece)
        return "sha256:" + hashed.hexdigest()


class Image:
    """`count` layers of `total` bytes unpacked; kept under `root`, and made only if it is not there."""

    def __init__(self, root, count, total):
        self.name = f"bench/layers{count}:1"
        place = pathlib.Path(root) / f"{count}-{total}"
        self.layers = [Layer(place, number) for number in range(count)]
        self.archive = place / "image.tar"
        if not (place / "facts.json").exists():
            place.mkdir(parents=True, exist_ok=True)
            (place / "facts.json").write_text(json.dumps(self.make(place, total)))
        self.facts = json.loads((place / "facts.json").read_text())

    def make(self, place, total):
        files, parts, filled = list(chosen_files(total)), [[] for _ in self.layers], 0
        share = sum(size for _, size in files) / len(parts) + 1
        for file in files:
            parts[int(filled / share)].append(file)
            filled += file[1]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda pair: pair[0].make(pair[1]), zip(self.layers, parts)))
        diff_ids = [layer.digest(layer.plain) for layer in self.layers]
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["true"]},
                             "rootfs": {"type": "layers", "diff_ids": diff_ids},
                             "history": [{"created_by": f"layer {number}"} for number in range(len(diff_ids))]})
        self.write_archive(config, diff_ids)
        facts = {"config": config, "digests": [layer.digest(layer.packed) for layer in self.layers],
                 "sizes": [layer.packed.stat().st_size for layer in self.layers],
                 "unpacked": sum(layer.plain.stat().st_size for layer in self.layers)}
        for layer in self.layers:
            layer.plain.unlink()
        return facts

    def write_archive(self, config, diff_ids):
        """As `docker save` writes it: plain layers."""
        paths = ["blobs/sha256/" + digest[7:] for digest in diff_ids]
        config_path = "blobs/sha256/" + sha256(config.encode())[7:]
        manifest = json.dumps([{"Config": config_path, "RepoTags": [self.name], "Layers": paths}])
        with tarfile.open(self.archive, "w") as archive:
            for path, layer in zip(paths, self.layers):
                archive.add(layer.plain, path)
            for path, text in ((config_path, config), ("manifest.json", manifest)):
                entry = tarfile.TarInfo(path)
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text.encode()))

    def packed_size(self):
        return sum(self.facts["sizes"])

    def upload(self, address):
        """Puts the image into the registry at `address`."""
        repository = "/v2/" + self.name.split(":")[0]
        connection = http.client.HTTPConnection(address)

        def request(method, path, body=b"", headers={}):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status not in (201, 202):
                raise RuntimeError(f"{method} {path}: {answer.status}")
            return answer

        def put_blob(digest, body, size):
            place = request("POST", repository + "/blobs/uploads/").headers["Location"]
            request("PUT", place + ("&" if "?" in place else "?") + "digest=" + digest, body, {"Content-Length": str(size)})

        config = self.facts["config"].encode()
        put_blob(sha256(config), config, len(config))
        descriptors = []
        for layer, digest, size in zip(self.layers, self.facts["digests"], self.facts["sizes"]):
            with open(layer.packed, "rb") as file:
                put_blob(digest, file, size)
            descriptors.append({"mediaType": LAYER, "digest": digest, "size": size})
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        manifest = {"schemaVersion": 2, "mediaType": kind, "layers": descriptors,
                    "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "digest": sha256(config),
                               "size": len(config)}}
        request("PUT", repository + "/manifests/1", json.dumps(manifest).encode(), {"Content-Type": kind})


class Registry:
    """Debian's docker-registry on a port of the loopback, with a folder of its own."""

    def __init__(self, program, port):
        self.address = f"localhost:{port}"
        self.program = program
        self.folder = None

    def start(self):
        self.folder = tempfile.TemporaryDirectory(prefix="gantry-bench-registry-")
        config = pathlib.Path(self.folder.name) / "config.yml"
        config.write_text(f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nhttp: {{addr: '{self.address}'}}\n"
                          f"storage: {{filesystem: {{rootdirectory: {self.folder.name}/data}}}}\n")
        self.process = subprocess.Popen([self.program, "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                connection = http.client.HTTPConnection(self.address)
                connection.request("GET", "/v2/")
                connection.getresponse()
                return
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError("docker-registry does not start")
                time.sleep(0.02)

    def stop(self):
        if self.folder is None:
            return
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()
        self.folder = None

    def restart_empty(self):
        self.stop()
        self.start()
