#!/usr/bin/env python3
"""What programs do with Docker's SDK for Python, against a daemon: python_sdk.py SOCKET. The daemon has busybox."""
import io
import sys
import tarfile
import unittest

import docker

SOCKET = sys.argv.pop(1)


def archive(files, mode="w"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def read(stream, size):
    received = b""
    while len(received) < size:
        received += stream._sock.recv(size - len(received))
    return received


class Sdk(unittest.TestCase):
    def setUp(self):
        self.client = docker.DockerClient(base_url="unix://" + SOCKET, version="auto", timeout=60)
        self.addCleanup(self.client.close)

    def start(self, command="cat", **options):
        container = self.client.containers.run("busybox", ["sh", "-c", command], detach=True, stdin_open=True, **options)
        self.addCleanup(container.remove, force=True, v=True)
        return container

    def test_tells_of_the_daemon(self):
        self.assertTrue(self.client.ping())
        self.assertEqual(self.client.info()["OSType"], "linux")
        self.assertIn("ApiVersion", self.client.version())

    def test_runs_and_reports(self):
        self.assertEqual(self.client.containers.run("busybox", ["echo", "hi"], remove=True), b"hi\n")
        with self.assertRaises(docker.errors.ContainerError) as failed:
            self.client.containers.run("busybox", ["sh", "-c", "echo bad >&2; exit 3"], remove=True)
        self.assertEqual((failed.exception.exit_status, failed.exception.stderr), (3, b"bad\n"))
        with self.assertRaises(docker.errors.NotFound):
            self.client.containers.get("nonesuch")

    def test_container_has_what_was_asked_for(self):
        container = self.start(
            name="sdk", labels={"l": "v"}, environment={"A": "b"}, ports={"80/tcp": None}, mem_limit="64m",
            volumes={"sdk-data": {"bind": "/v", "mode": "rw"}})
        container.reload()
        self.assertEqual(container.status, "running")
        self.assertEqual(container.attrs["HostConfig"]["Memory"], 64 << 20)
        self.assertTrue(container.ports["80/tcp"][0]["HostPort"])
        self.assertEqual([c.name for c in self.client.containers.list(filters={"label": "l=v"})], ["sdk"])
        container.pause()
        container.unpause()
        container.rename("sdk-again")
        container.update(mem_limit="70m", memswap_limit="140m")
        container.reload()
        self.assertEqual((container.name, container.attrs["HostConfig"]["Memory"]), ("sdk-again", 70 << 20))
        self.assertIn("cat", container.top()["Processes"][0][-1])
        self.assertEqual(container.stats(stream=False)["memory_stats"]["limit"], 70 << 20)

    def test_streams(self):
        container = self.start("echo start; cat")
        while container.logs() != b"start\n":
            pass
        attached = container.attach_socket(params={"stdin": 1, "stream": 1, "stdout": 1})
        attached._sock.sendall(b"yo\n")
        self.assertEqual(read(attached, 11), b"\x01\0\0\0\0\0\0\x03yo\n")
        attached.close()
        self.assertEqual(container.logs(tail=5), b"start\nyo\n")
        self.assertEqual(next(container.logs(stream=True, follow=True)), b"start\n")
        code, (out, err) = container.exec_run(["sh", "-c", "echo o; echo e >&2; exit 4"], demux=True)
        self.assertEqual((code, out, err), (4, b"o\n", b"e\n"))
        executed = container.exec_run(["cat"], stdin=True, socket=True).output
        executed._sock.sendall(b"ping\n")
        self.assertEqual(read(executed, 13)[8:], b"ping\n")
        executed.close()
        container.stop(timeout=0)
        self.assertEqual(container.wait()["StatusCode"], 137)

    def test_files(self):
        container = self.start()
        self.assertTrue(container.put_archive("/tmp", archive({"f": b"abc"})))
        chunks, facts = container.get_archive("/tmp/f")
        self.assertEqual((facts["name"], facts["size"]), ("f", 3))
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
            self.assertEqual(tar.extractfile("f").read(), b"abc")
        self.assertIn({"Path": "/tmp/f", "Kind": 1}, container.diff())
        image = container.commit("sdk-committed", "1", changes="ENV Z=1")
        self.addCleanup(self.client.images.remove, "sdk-committed:1")
        self.assertEqual(image.tags, ["sdk-committed:1"])

    def test_images(self):
        context = archive({"Dockerfile": b"FROM busybox\nCOPY a /a\nRUN grep A /a\n", "a": b"A\n"}, "w:gz")
        image, log = self.client.images.build(
            fileobj=io.BytesIO(context), custom_context=True, encoding="gzip", tag="sdk-built:1", rm=True)
        self.assertIn("Successfully built", "".join(line.get("stream", "") for line in log))
        self.assertEqual(image.tags, ["sdk-built:1"])
        self.assertIn("grep A /a", image.history()[0]["CreatedBy"])
        saved = b"".join(image.save(named=True))
        self.client.images.remove("sdk-built:1")
        self.assertEqual([i.tags for i in self.client.images.load(saved)], [["sdk-built:1"]])
        self.client.images.remove("sdk-built:1")
        with self.assertRaises(docker.errors.BuildError):
            self.client.images.build(fileobj=io.BytesIO(b"FROM busybox\nRUN false\n"), rm=True, forcerm=True)
        with self.assertRaises(docker.errors.ImageNotFound):
            self.client.images.get("nonesuch")

    def test_networks_and_volumes(self):
        pool = docker.types.IPAMPool(subnet="10.88.0.0/24")
        network = self.client.networks.create("sdk", ipam=docker.types.IPAMConfig(pool_configs=[pool]))
        self.addCleanup(network.remove)
        container = self.start()
        network.connect(container, aliases=["x"], ipv4_address="10.88.0.9")
        network.reload()
        self.assertEqual([e["IPv4Address"] for e in network.attrs["Containers"].values()], ["10.88.0.9/24"])
        network.disconnect(container)
        volume = self.client.volumes.create("sdk-volume", labels={"a": "b"})
        self.assertEqual([v.name for v in self.client.volumes.list(filters={"label": "a"})], ["sdk-volume"])
        volume.remove()

    def test_events(self):
        container = self.start(name="told")
        stream = self.client.events(decode=True, filters={"container": "told", "type": "container"})
        container.kill()
        actions = []
        for event in stream:
            actions.append(event["Action"])
            if event["Action"] == "die":
                break
        stream.close()
        self.assertIn("kill", actions)


unittest.main(argv=[sys.argv[0], "-q"])
